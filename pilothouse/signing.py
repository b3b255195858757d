"""What a person signs, and whether a signature is good: ECDSA on P-256 with SHA-256, as WebCrypto makes it too.

Raw signatures (r and s, 32 bytes each, as in IEEE P1363) and uncompressed public points, both as hex.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HALF = 32  # bytes of r, and of s
ALGORITHM = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True)
class Statement:
    """One decision of one person. A nonce is good once, and nothing is good after `expires_at`."""

    subject: str  # an intent's hash, or the id of a halt
    decision: str
    nonce: str
    expires_at: datetime
    details: Mapping[str, str]  # what the decision needs besides, such as the changes of an edit

    @property
    def text(self) -> str:
        """Exactly what is signed."""
        return canonical({**vars(self), "expires_at": instant(self.expires_at)})


def canonical(content: Mapping[str, Any]) -> str:
    """The one JSON text of it: keys in order, no spaces, nothing but ASCII."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def instant(moment: datetime) -> str:
    """ISO 8601 in UTC, always with microseconds, so that one instant has one text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def public_text(key: ec.EllipticCurvePublicKey) -> str:
    """The public half as it is stored and shown."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint).hex()


def pairing_proof(*, name: str, public_key: str, secret: str) -> str:
    """What shows that whoever pairs this key was let in: an HMAC with the pairing secret, in hex."""
    covered = canonical({"name": name, "public_key": public_key})
    return hmac.new(secret.encode(), covered.encode(), hashlib.sha256).hexdigest()


def is_public_key(text: str) -> bool:
    """Whether it is a point on the curve."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(text))
    except ValueError:
        return False
    return True


def sign(statement: Statement, key: ec.EllipticCurvePrivateKey) -> str:
    """The signature, as hex."""
    r, s = decode_dss_signature(key.sign(statement.text.encode(), ALGORITHM))
    return (r.to_bytes(HALF) + s.to_bytes(HALF)).hex()


def is_signed(statement: Statement, signature: str, *, public_key: str) -> bool:
    """Whether the holder of `public_key` signed exactly this; False for whatever is not a key or a signature."""
    try:
        point, raw = bytes.fromhex(public_key), bytes.fromhex(signature)
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        if len(raw) != 2 * HALF:
            return False
        der = encode_dss_signature(int.from_bytes(raw[:HALF]), int.from_bytes(raw[HALF:]))
        key.verify(der, statement.text.encode(), ALGORITHM)
    except (ValueError, InvalidSignature):
        return False
    return True
