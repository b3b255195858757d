"""Whose memory it is. Mem0 reads `*`, nested filters and more out of ids, so it never sees what a caller sent."""

import hashlib
import hmac

SCOPE_DIGITS = 32


def scope_of(user: str, *, secret: str) -> str:
    """The id under which Mem0 keeps a user: no wildcard, no operator, not to be guessed without the secret."""
    digest = hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()
    return f"u_{digest[:SCOPE_DIGITS]}"


def key_digest(key: str) -> str:
    """A caller's idempotency key as kept: tool call ids come from models and may hold anything."""
    return hashlib.sha256(key.encode()).hexdigest()
