"""Intents in a terminal: found by the beginning of an id, shown so that nothing in them can hide anything."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from api.cli import shapes
from api.cli.client import Client, Fields
from pilothouse.errors import BadInputError, NotFoundError, UpstreamError

NEWEST = 500  # as many as one request lists
MIN_ID_CHARS = 4
COLORS = {
    "awaiting_approval": "yellow",
    "unknown": "red",
    "refused": "red",
    "failed": "red",
    "filled": "green",
    "approved": "cyan",
    "submitting": "cyan",
    "submitted": "cyan",
}


async def list_newest(client: Client, *states: str) -> list[Fields]:
    """The newest first; only those in these states, if any are given."""
    answer = await client.call("GET", "/api/intents", params={"limit": NEWEST, "state": states})
    return answer["intents"]


async def find(client: Client, given: str) -> Fields:
    """The one whose id a person wrote or abbreviated."""
    if len(given) < MIN_ID_CHARS:
        raise BadInputError(f"'{given}' is too short for an id", hint=f"give {MIN_ID_CHARS} characters or more")
    found = [each for each in await list_newest(client) if each["id"].startswith(given.lower())]
    if not found:
        raise NotFoundError(f"no intent of yours begins with {given}", hint="bin/pilothouse approvals list --all")
    if len(found) > 1:
        named = ", ".join(each["id"] for each in found)
        raise BadInputError(f"{len(found)} intents begin with {given}", hint=f"give more of it: {named}")
    if found[0]["content"]["id"] != found[0]["id"]:
        raise UpstreamError(f"the controller shows another intent for {given}", hint="do not sign; look at its log")
    return found[0]


def visible(content: Mapping[str, Any]) -> dict[str, str]:
    """Every word of what is signed. Signs that would move the cursor or hide others are spelt out."""
    return {name: _spelt_out(value, name, content) for name, value in content.items()}


def table(found: Sequence[Fields]) -> Table:
    """One line an intent."""
    made = shapes.table("intent", "state", "until", "what", "pair", "stake", "price", "why")
    for each in found:
        state, content = each["state"], visible(each["content"])
        made.add_row(
            shapes.short(content["id"]),
            f"[{COLORS.get(state, 'white')}]{shapes.one_line(state)}[/]",
            shapes.instant(each["expires_at"]),
            *(shapes.one_line(content[name]) for name in ("action", "pair", "stake", "price_seen", "reason")),
        )
    return made


def facts(found: Fields) -> dict[str, Any]:
    """What would be done, and how far it came."""
    return {
        **visible(found["content"]),
        "state": found["state"],
        "refused": "\n".join(each["message"] for each in found["refusals"]) or None,
        "decided by": found["decided_by"],
        "note": found["note"] or None,
        "edited from": found["replaces"],
        "edited into": found["replaced_by"],
        "proposed": shapes.instant(found["created_at"]),
    }


def _spelt_out(value: Any, name: str, content: Mapping[str, Any]) -> str:
    if value is None:
        return "all of it" if name == "amount" and content.get("action") == "exit" else "none"
    text = value if isinstance(value, str) else shapes.compact(value)
    return shapes.printable(text)
