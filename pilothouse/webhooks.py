"""Signed webhooks, both ways: the headers and the signed text of Standard Webhooks (standardwebhooks.com).

The key is the secret's own text, as n8n's Crypto node takes it. Libraries of that standard want the same key in base64:
`standard_secret` writes it so.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pilothouse.errors import UnauthorizedError

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
WINDOW = timedelta(minutes=5)  # what the standard advises: clocks differ, and a stolen request is soon worthless
ID_CHARACTERS = 200
HINT = "sign '<webhook-id>.<webhook-timestamp>.<body>' with HMAC-SHA256: docs/architecture/integrations/n8n.md"


def sign(body: bytes, *, secret: str, message_id: str, at: datetime) -> dict[str, str]:
    """The three headers of a request with this body."""
    seconds = str(int(at.timestamp()))
    signature = _digest(body, secret=secret, message_id=message_id, seconds=seconds)
    return {ID: message_id, TIMESTAMP: seconds, SIGNATURE: f"v1,{signature}"}


def verify(body: bytes, headers: Mapping[str, str], *, secret: str, now: datetime) -> str:
    """The id of a request that was signed with this secret, lately; every other is refused."""
    message_id, seconds = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    if not message_id or len(message_id) > ID_CHARACTERS or not message_id.isascii():
        raise UnauthorizedError(f"{ID} is missing or unusable", hint=HINT)
    expected = _digest(body, secret=secret, message_id=message_id, seconds=seconds)
    given = [each.removeprefix("v1,") for each in headers.get(SIGNATURE, "").split(" ") if each.startswith("v1,")]
    if not any(hmac.compare_digest(expected.encode(), each.encode()) for each in given):
        raise UnauthorizedError("the signature does not fit", hint=HINT)
    if abs(now - _instant(seconds)) > WINDOW:
        raise UnauthorizedError(
            f"it was signed more than {WINDOW.seconds // 60} minutes from now", hint="sign it when you send it"
        )
    return message_id


def standard_secret(secret: str) -> str:
    """The same key as libraries of Standard Webhooks want it."""
    return "whsec_" + base64.b64encode(secret.encode()).decode()


@dataclass(frozen=True)
class HookSecrets:
    """What a hook's callers sign with, and what signs the answers that are brought. Derived: none is stored."""

    root: str

    def of(self, hook_id: UUID, *, version: int) -> str:
        """The secret of a hook, in its version."""
        told = f"hook {hook_id} {version}".encode()
        return base64.urlsafe_b64encode(hmac.new(self.root.encode(), told, hashlib.sha256).digest()).decode()


def _digest(body: bytes, *, secret: str, message_id: str, seconds: str) -> str:
    signed = f"{message_id}.{seconds}.".encode() + body
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def _instant(seconds: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UnauthorizedError(f"{TIMESTAMP} must be seconds since 1970", hint=HINT) from error
