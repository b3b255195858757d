"""Keys: 256 random bits, kept only as HMAC-SHA256 under a server secret, compared in constant time.

A slow password hash would cost more than a whole chat turn and adds nothing to 256 random bits.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from pilothouse.errors import UnauthorizedError

PREFIX = "ph_"


def new_key() -> str:
    """A fresh random key, shown to a person once and never stored."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str, *, secret: str) -> str:
    """What is stored of a key: 64 hex digits."""
    return hmac.new(secret.encode(), key.encode(), hashlib.sha256).hexdigest()


def bearer(authorization: str | None) -> str:
    """The key inside an `Authorization: Bearer ...` header."""
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise UnauthorizedError("this needs a key", hint="send it as 'Authorization: Bearer <key>'")
    return key.strip()


@dataclass(frozen=True)
class Callers:
    """The few processes that may call a service: caller's name -> stored hash of its key."""

    secret: str
    hashes: Mapping[str, str]

    def identify(self, authorization: str | None) -> str:
        """The name of the caller; raises `UnauthorizedError` for a key nobody holds."""
        given = hash_key(bearer(authorization), secret=self.secret)
        found = [name for name, stored in self.hashes.items() if hmac.compare_digest(stored, given)]
        if not found:
            raise UnauthorizedError("this key is not known here", hint="use the key this caller was given at start-up")
        return found[0]
