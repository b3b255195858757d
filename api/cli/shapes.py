"""How runs and threads look in a terminal. What others wrote is never taken for markup."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

COLORS = {"finished": "green", "running": "cyan", "queued": "cyan", "failed": "red", "cancelled": "yellow"}
SHORT_ID_CHARS = 8
MAX_RESULT_CHARS = 300


def print_json(value: Any) -> None:
    """For programs."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def compact(value: Any) -> str:
    """JSON on one line."""
    return orjson.dumps(value).decode()


def short(identifier: str) -> str:
    """Enough of an id to name it."""
    return identifier[:SHORT_ID_CHARS]


def status(word: str) -> str:
    """A run's status in its colour."""
    return f"[{COLORS.get(word, 'white')}]{escape(word)}[/]"


def one_line(text: str) -> str:
    """A person's words in a cell."""
    return escape(" ".join(text.split()))


def printable(text: str) -> str:
    """What others wrote, with signs that would move the cursor or hide others spelt out."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def instant(iso: str) -> str:
    """In local time, short."""
    return f"{datetime.fromisoformat(iso).astimezone():%m-%d %H:%M:%S}"


def took(began: str, ended: str | None) -> str:
    """From beginning to end, or until now."""
    until = datetime.fromisoformat(ended) if ended else datetime.now(UTC)
    return f"{(until - datetime.fromisoformat(began)).total_seconds():.1f} s"


def table(*columns: str) -> Table:
    """One line a row; the last column gives way when the terminal is narrow."""
    made = Table(box=None, header_style="bold", expand=True)
    for name in columns:
        made.add_column(name, no_wrap=True, overflow="ellipsis", ratio=1 if name == columns[-1] else None)
    return made


def facts(rows: Mapping[str, Any]) -> Table:
    """Names and values; what is not there is left out."""
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in rows.items():
        if value is not None:
            table.add_row(name, escape(str(value)))
    return table


def print_messages(console: Console, messages: Sequence[Mapping[str, Any]]) -> None:
    """A conversation, from top to bottom."""
    for message in messages:
        content = message["content"]
        if message["role"] == "user":
            console.print(f"\n> {content}", style="bold", markup=False, soft_wrap=True)
        elif message["role"] == "tool":
            line = f"  {message['name']}: {message['status']} {content}"[:MAX_RESULT_CHARS]
            console.print(line, style="red" if message["status"] == "error" else "cyan", markup=False, soft_wrap=True)
        elif content:
            console.print(content, markup=False, soft_wrap=True)
