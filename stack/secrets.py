"""Every password and key of the stack: random, made at the first start, kept owner-only. Nothing has a default."""

import json
import os
import secrets
from pathlib import Path

from pilothouse.errors import SettingsError
from pilothouse.keys import new_key

GENERATED = "generated.json"
KEYS = (
    "owner_key",
    "owner_proxy_key",
    "controller_proxy_key",
    "controller_broker_key",
    "controller_memory_key",
    "memory_proxy_key",
)
PASSWORDS = (
    "postgres_admin_password",
    "postgres_controller_password",
    "postgres_proxy_password",
    "postgres_broker_password",
    "postgres_memory_password",
    "postgres_freqtrade_password",
    "postgres_reader_password",
    "postgres_n8n_password",
    "controller_key_secret",
    "proxy_key_secret",
    "broker_key_secret",
    "memory_key_secret",
    "memory_scope_secret",
    "broker_audit_key",
    "approver_pairing_secret",
    "freqtrade_password",
    "freqtrade_jwt_secret",
    "freqtrade_ws_token",
    "freqtrade_entry_key",
    "openrouter_twin_key",
    "hook_secret",
    "n8n_encryption_key",
    "n8n_jwt_secret",
    "n8n_owner_password",
    "n8n_calls_secret",
)

Generated = dict[str, str]


def load_or_generate(folder: Path) -> Generated:
    """What was generated before, completed by what is new in this version."""
    path = folder / GENERATED
    known = _read(path)
    fresh = {name: new_key() for name in KEYS} | {name: secrets.token_urlsafe(32) for name in PASSWORDS}
    complete = fresh | known
    if complete != known:
        write_private(path, json.dumps(complete, indent=1))
    return complete


def write_private(path: Path, text: str, *, uid: int | None = None) -> None:
    """Replace the file at once, readable by its owner only from its first byte on."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if uid is not None:
        os.chown(unfinished, uid, uid)
    unfinished.rename(path)


def render(values: dict[str, str]) -> str:
    """KEY='value' lines, as `python-dotenv` reads them."""
    unusable = [name for name, value in values.items() if "\n" in value or "${" in value]
    if unusable:
        raise SettingsError(f"a line break or '${{' in {', '.join(unusable)}", hint="remove it from the value")
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in values.items()}
    return "".join(f"{name}='{value}'\n" for name, value in quoted.items())


def _read(path: Path) -> Generated:
    if not path.exists():
        return {}
    try:
        known: Generated = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}", hint="restore it from a backup") from error
    return known
