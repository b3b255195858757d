"""A person's own key: kept in an owner-only file of the stack's home, and used to sign what that person has seen."""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from dotenv import dotenv_values

from pilothouse.clock import now
from pilothouse.errors import NotFoundError, SettingsError
from pilothouse.settings import StackSettings
from pilothouse.signing import Statement, instant, pairing_proof, public_text, sign
from stack.home import Home, find_home
from stack.secrets import write_private

OWNER_FILE = "owner.env"
PAIRING_SECRET = "PILOTHOUSE_PAIRING_SECRET"  # noqa: S105 -- its name
VALID_FOR = timedelta(minutes=2)
NONCE_BYTES = 16


def pairing(name: str) -> dict[str, str]:
    """What pairs this person's key under a name; the key is made when there is none yet."""
    home = find_home(StackSettings.load())
    key = _load(home) if home.approver_key.exists() else _make(home)
    public_key = public_text(key.public_key())
    proof = pairing_proof(name=name, public_key=public_key, secret=_pairing_secret(home))
    return {"name": name, "public_key": public_key, "proof": proof}


def signed(subject: str, decision: str, details: dict[str, str] | None = None) -> dict[str, Any]:
    """A statement about `subject`, signed with this person's key; good once, and for two minutes."""
    key = _load(find_home(StackSettings.load()))
    statement = Statement(subject, decision, secrets.token_urlsafe(NONCE_BYTES), now() + VALID_FOR, details or {})
    return {
        **vars(statement),
        "expires_at": instant(statement.expires_at),
        "public_key": public_text(key.public_key()),
        "signature": sign(statement, key),
    }


def own_public_key() -> str | None:
    """The public half, if there is a key."""
    home = find_home(StackSettings.load())
    return public_text(_load(home).public_key()) if home.approver_key.exists() else None


def _make(home: Home) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(home.approver_key, pem.decode())
    return key


def _load(home: Home) -> ec.EllipticCurvePrivateKey:
    path = home.approver_key
    if not path.exists():
        raise NotFoundError("you have no key to decide with", hint="bin/pilothouse approvals pair")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise _not_a_key(path) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _not_a_key(path)
    return key


def _pairing_secret(home: Home) -> str:
    secret = dotenv_values(home.secrets / OWNER_FILE).get(PAIRING_SECRET)
    if not secret:
        hint = "run this where the stack's home is, after bin/pilothouse up"
        raise SettingsError(f"{home.secrets / OWNER_FILE} has no {PAIRING_SECRET}", hint=hint)
    return secret


def _not_a_key(path: Path) -> SettingsError:
    hint = "move it away, pair a new one (bin/pilothouse approvals pair), and revoke the old one"
    return SettingsError(f"{path} holds no key of ours", hint=hint)
