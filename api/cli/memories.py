"""Memories in a terminal: found by the beginning of an id, shown so that nothing in them can hide anything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rich.table import Table

from api.cli import instants, shapes
from api.cli.client import Client, Fields
from pilothouse.clock import now
from pilothouse.errors import BadInputError, NotFoundError

NEWEST = 500  # as many as one request lists
MIN_ID_CHARS = 4
WHOLE_ID_CHARS = 36
COLORS = {"served": "green", "quarantined": "yellow", "superseded": "dim", "expired": "dim"}


def about(*, since: str | None, until: str | None, **named: str | None) -> dict[str, str]:
    """What a person asked for, as the API takes it: kind, strategy, pair, and a time from and to."""
    bounds = {"since": instants.since(since) if since else None, "until": instants.until(until) if until else None}
    said = {**named, **{name: instant.isoformat() for name, instant in bounds.items() if instant}}
    return {name: value for name, value in said.items() if value is not None}


async def newest(client: Client, *, limit: int, **asked: str | None) -> list[Fields]:
    """The newest first."""
    params = {name: value for name, value in {"limit": limit, **asked}.items() if value is not None}
    return (await client.call("GET", "/api/memories", params=params))["memories"]


async def find(client: Client, given: str) -> Fields:
    """The one whose id a person wrote or abbreviated; an abbreviation is looked for among the newest."""
    if len(given) == WHOLE_ID_CHARS:
        return await client.call("GET", f"/api/memories/{quote(given, safe='')}")
    if len(given) < MIN_ID_CHARS:
        raise BadInputError(f"'{given}' is too short for an id", hint=f"give {MIN_ID_CHARS} characters or more")
    found = [each for each in await newest(client, limit=NEWEST) if each["id"].startswith(given.lower())]
    if not found:
        hint = "bin/pilothouse memory list"
        raise NotFoundError(f"none of your newest {NEWEST} memories begins with {given}", hint=hint)
    if len(found) > 1:
        named = ", ".join(each["id"] for each in found)
        raise BadInputError(f"{len(found)} memories begin with {given}", hint=f"give more of it: {named}")
    return found[0]


def table(found: Sequence[Fields]) -> Table:
    """One line a memory."""
    made = shapes.table("memory", "said", "state", "kind", "trust", "about", "text")
    for each in found:
        made.add_row(
            shapes.short(each["id"]),
            _day(each["created_at"]),
            f"[{COLORS[_state(each)]}]{_state(each)}[/]",
            shapes.one_line(each["kind"]),
            shapes.one_line(each["trust"]),
            shapes.one_line(shapes.printable(_subject(each))),
            shapes.one_line(shapes.printable(" ".join(each["text"].split()))),
        )
    return made


def facts(memory: Fields) -> dict[str, Any]:
    """All there is to know of one."""
    subject: Fields = memory["subject"] or {}
    figures: Fields = subject.get("figures", {})
    return {
        "memory": memory["id"],
        "text": shapes.printable(memory["text"]),
        "state": _state(memory),
        "superseded by": memory["superseded_by"],
        "kind": memory["kind"],
        "said": _moment(memory["created_at"]),
        "changed": _moment(memory["updated_at"]) if memory["updated_at"] != memory["created_at"] else None,
        "expires": _moment(memory["expires_at"]) if memory["expires_at"] else None,
        "trust": _trust(memory),
        "source": _source(memory["source"]["kind"], memory["source"]["name"]),
        "about": shapes.printable(_subject(memory)) or None,
        **{shapes.printable(name): value for name, value in figures.items()},
        "links": "\n".join(map(shapes.printable, subject.get("links", []))) or None,
    }


def reasons(known: Fields) -> dict[str, Any]:
    """Where one came from."""
    return {
        "memory": known["id"],
        "text": shapes.printable(known["text"]),
        "said": _moment(known["said_at"]),
        "source": _source(known["source"], known["name"]),
        "trust": _trust(known),
        "run": known["run_id"],
        "thread": known["thread_id"],
        "you asked": shapes.printable(known["asked"]) if known["asked"] else _no_question(known),
    }


def _no_question(known: Fields) -> str | None:
    return "its conversation was deleted" if known["run_id"] else None


def _state(memory: Fields) -> str:
    """`expired` is what a served one is once its time is over."""
    expires_at = memory["expires_at"]
    over = expires_at is not None and datetime.fromisoformat(expires_at) <= now()
    return "expired" if over and memory["state"] == "served" else memory["state"]


def _trust(memory: Fields) -> str:
    return f"{memory['trust']}: its conversation held text of others" if memory["tainted"] else memory["trust"]


def _source(kind: str, name: str) -> str:
    return f"{kind} {shapes.printable(name)}".strip()


def _moment(iso: str) -> str:
    return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M}"


def _day(iso: str) -> str:
    return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d}"


def _subject(memory: Fields) -> str:
    subject: dict[str, Any] = memory["subject"] or {}
    return " ".join(subject[name] for name in ("strategy", "pair") if subject.get(name))
