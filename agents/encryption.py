"""Conversations at rest, encrypted by option: AES-256-GCM, each value bound to the very place it was written for.

With a key, a value that is plain, was written with another key, was changed, or was moved from another row is refused.
Without a key everything is plain, and a value that is not is refused too. What is covered: docs/setup/02_Encryption.md.
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agents.serializer import UnreadableStateError

SEALED = b"\x01"  # how a sealed value begins; neither msgpack's lists nor JSON text do
NONCE_BYTES = 12
HINT = "PILOTHOUSE_CHECKPOINT_KEY must be what it was when this was written; see .env.example"


class Vault:
    """Seals what is to be stored, and opens it again, given the same place."""

    def __init__(self, key: str) -> None:
        """`key`: 32 bytes in base64; empty: nothing is encrypted."""
        self._cipher = AESGCM(base64.b64decode(key)) if key else None

    def seal(self, plain: bytes, *place: str) -> bytes:
        """As it is to be stored. `place` names the row and the column."""
        if self._cipher is None:
            return plain
        nonce = os.urandom(NONCE_BYTES)
        return SEALED + nonce + self._cipher.encrypt(nonce, plain, _bound(place))

    def unseal(self, stored: bytes, *place: str) -> bytes:
        """As it was, or an error."""
        is_sealed = stored.startswith(SEALED)
        if self._cipher is None and not is_sealed:
            return stored
        if self._cipher is None:
            raise UnreadableStateError("this thread is encrypted, and no key is set", hint=HINT)
        if not is_sealed:
            raise UnreadableStateError("this thread is not encrypted, though a key is set", hint=HINT)
        nonce, sealed = stored[1 : 1 + NONCE_BYTES], stored[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, sealed, _bound(place))
        except (InvalidTag, ValueError) as error:
            raise UnreadableStateError("this thread was encrypted with another key, or changed", hint=HINT) from error


def _bound(place: tuple[str, ...]) -> bytes:
    return "\0".join(place).encode()
