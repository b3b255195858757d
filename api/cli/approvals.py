"""`approvals`: what waits for a person, and what that person decides, signed with a key no service holds.

What is signed is the SHA-256 of exactly what is shown here, computed here: a controller that shows something else than
would be done gets a signature that fits nothing.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.cli import approver, shapes
from api.cli.client import Client, Fields, with_stack
from pilothouse.errors import BadInputError, NotFoundError, UpstreamError
from pilothouse.signing import digest

WAITING = ("awaiting_approval", "unknown")
SHOWN = 500
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

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
console = Console(highlight=False)

Which = Annotated[str, typer.Argument(metavar="INTENT", help="Its id, or the beginning of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]


@app.callback()
def approvals() -> None:
    """Decide what is done with money.

    [bold]Examples[/]

    bin/pilothouse approvals pair

    bin/pilothouse approvals list

    bin/pilothouse approvals approve 0b7e8f56
    """


@app.command()
def pair(
    *,
    name: Annotated[str, typer.Option(help="How you are called in the books.")] = "owner",
) -> None:
    """Make a key of your own and let it decide, once. It stays in secrets/approver.pem of the stack's home.

    [bold]Examples[/]

    bin/pilothouse approvals pair

    bin/pilothouse approvals pair --name ada
    """
    asked = approver.pairing(name)
    paired = with_stack(lambda client: client.call("POST", "/api/approvers", json=asked))
    typer.echo(f"'{paired['name']}' may decide now, with the key {shapes.short(paired['id'])}")


@app.command("list")
def list_intents(
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Also what is decided or over.")] = False,
    as_json: AsJson = False,
) -> None:
    """What waits for you, the newest first.

    [bold]Examples[/]

    bin/pilothouse approvals list

    bin/pilothouse approvals list --all --json
    """
    found = with_stack(lambda client: _list(client, () if all_of_them else WAITING))
    if as_json:
        shapes.print_json(found)
    elif not found and not all_of_them:
        typer.echo("nothing waits for you")
    else:
        console.print(_table(found))


@app.command()
def show(intent: Which, *, as_json: AsJson = False) -> None:
    """One intent: what would be done, and how far it came.

    [bold]Examples[/]

    bin/pilothouse approvals show 0b7e8f56

    bin/pilothouse approvals show 0b7e8f56 --json
    """
    found = with_stack(lambda client: _find(client, intent))
    if as_json:
        shapes.print_json(found)
    else:
        console.print(shapes.facts(_facts(found)))


@app.command()
def approve(intent: Which, *, yes: Yes = False) -> None:
    """Say yes to exactly what is shown. It is checked once more against your limits before it is done.

    [bold]Examples[/]

    bin/pilothouse approvals approve 0b7e8f56

    bin/pilothouse approvals approve 0b7e8f56 --yes
    """
    _decide(intent, "approve", yes=yes)


@app.command()
def reject(intent: Which, *, yes: Yes = False) -> None:
    """Say no: nothing will be done.

    [bold]Example[/]

    bin/pilothouse approvals reject 0b7e8f56
    """
    _decide(intent, "reject", yes=yes)


def _decide(intent: str, decision: str, *, yes: bool, details: dict[str, str] | None = None) -> None:
    found = with_stack(lambda client: _find(client, intent))
    content: Fields = found["content"]
    console.print(shapes.facts(visible(content)))
    if not yes:
        typer.confirm(f"{decision} this?", abort=True)
    statement = approver.signed(digest(content), decision, details)
    path = f"/api/intents/{content['id']}/decision"
    decided = with_stack(lambda client: client.call("POST", path, json=statement))
    typer.echo(f"intent {content['id']} is {decided['state']}")


def visible(content: Mapping[str, Any]) -> dict[str, str]:
    """Every word of what is signed. Signs that would move the cursor or hide others are spelt out."""
    return {name: _spelt_out(value, name, content) for name, value in content.items()}


def _spelt_out(value: Any, name: str, content: Mapping[str, Any]) -> str:
    if value is None:
        return "all of it" if name == "amount" and content.get("action") == "exit" else "none"
    text = value if isinstance(value, str) else shapes.compact(value)
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


async def _list(client: Client, states: tuple[str, ...]) -> list[Fields]:
    answer = await client.call("GET", "/api/intents", params={"limit": SHOWN, "state": states})
    return answer["intents"]


async def _find(client: Client, given: str) -> Fields:
    if len(given) < MIN_ID_CHARS:
        raise BadInputError(f"'{given}' is too short for an id", hint=f"give {MIN_ID_CHARS} characters or more")
    found = [each for each in await _list(client, ()) if each["id"].startswith(given.lower())]
    if not found:
        raise NotFoundError(f"no intent of yours begins with {given}", hint="bin/pilothouse approvals list --all")
    if len(found) > 1:
        named = ", ".join(each["id"] for each in found)
        raise BadInputError(f"{len(found)} intents begin with {given}", hint=f"give more of it: {named}")
    if found[0]["content"]["id"] != found[0]["id"]:
        raise UpstreamError(f"the controller shows another intent for {given}", hint="do not sign; look at its log")
    return found[0]


def _table(found: list[Fields]) -> Table:
    table = shapes.table("intent", "state", "until", "what", "pair", "stake", "price", "why")
    for each in found:
        state, content = each["state"], visible(each["content"])
        table.add_row(
            shapes.short(content["id"]),
            f"[{COLORS.get(state, 'white')}]{shapes.one_line(state)}[/]",
            shapes.instant(each["expires_at"]),
            *(shapes.one_line(content[name]) for name in ("action", "pair", "stake", "price_seen", "reason")),
        )
    return table


def _facts(found: Fields) -> dict[str, Any]:
    refusals = "\n".join(each["message"] for each in found["refusals"])
    return {
        **visible(found["content"]),
        "state": found["state"],
        "refused": refusals or None,
        "decided by": found["decided_by"],
        "note": found["note"] or None,
        "edited from": found["replaces"],
        "edited into": found["replaced_by"],
        "proposed": shapes.instant(found["created_at"]),
    }
