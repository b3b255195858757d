"""Commands about one memory: look at it, its history and where it came from; put it right; let it in."""

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from api.cli import instants, memories, shapes
from api.cli.client import Client, Fields, with_stack
from pilothouse.errors import BadInputError

console = Console(highlight=False)

Which = Annotated[str, typer.Argument(metavar="MEMORY", help="Its id, or the beginning of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
Text = Annotated[str, typer.Argument(help="What it is to say: one full sentence.")]
Expires = Annotated[str | None, typer.Option(help="30d, 12h, a day, or never: until when the agent is told it.")]


def show(memory: Which, *, as_json: AsJson = False) -> None:
    """One memory: its words, state, source, figures and links.

    [bold]Examples[/]

    bin/pilothouse memory show 3f2a9c10

    bin/pilothouse memory show 3f2a9c10 --json
    """
    found = with_stack(lambda client: memories.find(client, memory))
    if as_json:
        shapes.print_json(found)
    else:
        console.print(shapes.facts(memories.facts(found)))


def history(memory: Which, *, as_json: AsJson = False) -> None:
    """What became of it: when it was said, changed, admitted or superseded, with the old words and the new.

    [bold]Example[/]

    bin/pilothouse memory history 3f2a9c10
    """
    events: list[Fields] = _ask(memory, "history")["events"]
    if as_json:
        shapes.print_json(events)
        return
    table = shapes.table("when", "what", "words")
    for each in events:
        words = each["new"] or each["old"] or ""
        if each["old"] and each["new"] and each["old"] != each["new"]:
            words = f"{each['old']} -> {each['new']}"
        when = f"{datetime.fromisoformat(each['at']).astimezone():%Y-%m-%d %H:%M}"
        table.add_row(when, shapes.one_line(each["event"].lower()), shapes.one_line(shapes.printable(words)))
    console.print(table)


def why(memory: Which, *, as_json: AsJson = False) -> None:
    """Why it is known: who said it, when, in which run, and what you asked there.

    [bold]Example[/]

    bin/pilothouse memory why 3f2a9c10
    """
    known = _ask(memory, "why")
    if as_json:
        shapes.print_json(known)
        return
    console.print(shapes.facts(memories.reasons(known)))
    if known["asked"] is not None:
        typer.echo(f"the whole of it: bin/pilothouse runs show {shapes.short(known['run_id'])}")


def edit(memory: Which, text: Text, *, expires: Expires = None) -> None:
    """Put it right in your own words. The old ones stay in its history.

    [bold]Examples[/]

    bin/pilothouse memory edit 3f2a9c10 "I never want more than two open trades"

    bin/pilothouse memory edit 3f2a9c10 "I am away until Christmas" --expires 2026-12-25
    """
    change: Fields = {"text": text}
    if expires is not None:
        change["expires_at"] = None if expires == "never" else instants.ahead(expires).isoformat()

    async def send(client: Client) -> Fields:
        found = await memories.find(client, memory)
        return await client.call("PATCH", f"/api/memories/{found['id']}", json=change)

    told = with_stack(send)
    typer.echo(f"memory {shapes.short(told['id'])} says now: {shapes.printable(told['text'])}")


def admit(memory: Which) -> None:
    """Let a quarantined memory be told to the agent. It stays marked, and so is every thread that is told it.

    [bold]Example[/]

    bin/pilothouse memory admit 3f2a9c10
    """
    _let_in(memory, "admit")


def restore(memory: Which) -> None:
    """Let the agent be told a superseded memory again. The newer one that took its place stays too.

    [bold]Example[/]

    bin/pilothouse memory restore 3f2a9c10
    """
    _let_in(memory, "restore")


def forget(
    memory: Annotated[
        list[str] | None, typer.Argument(metavar="MEMORY", help="Ids, or the beginnings of them.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--everything", help="All that is remembered of you.")] = False,
    yes: Yes = False,
) -> None:
    """Erase memories for good: words, meaning, history, and turns that wait. Then look for what is left on disk.

    [bold]Examples[/]

    bin/pilothouse memory forget 3f2a9c10

    bin/pilothouse memory forget --everything
    """
    if bool(memory) is everything:
        raise BadInputError("say what to forget", hint="bin/pilothouse memory forget MEMORY, or --everything")
    if everything:
        _forget_everything(yes=yes)
        return
    found = with_stack(lambda client: _find_all(client, memory or []))
    for each in found:
        console.print(f"{shapes.short(each['id'])} {shapes.printable(each['text'])}", markup=False, soft_wrap=True)
    if not yes:
        typer.confirm("forget this for good?", abort=True)
    _erase({"id": [each["id"] for each in found]})


def _forget_everything(*, yes: bool) -> None:
    if not yes:
        typer.confirm("forget everything that is remembered of you, for good?", abort=True)
    _erase({"everything": "true"})


def _erase(which: Fields) -> None:
    told: Fields = with_stack(lambda client: client.call("DELETE", "/api/memories", params=which))
    proof = told["proof"]
    left = f"{proof['left']} of it is still seen" if proof["left"] else "nothing of it is left"
    typer.echo(f"forgotten for good: {told['forgotten']}. Looked through {proof['files']} files: {left}")
    if told["reason"]:
        typer.echo(told["reason"])


def _let_in(memory: str, how: str) -> None:
    async def send(client: Client) -> Fields:
        found = await memories.find(client, memory)
        return await client.call("POST", f"/api/memories/{found['id']}/{how}")

    told = with_stack(send)
    typer.echo(f"memory {shapes.short(told['id'])} is {told['state']}: {shapes.printable(told['text'])}")


async def _find_all(client: Client, given: list[str]) -> list[Fields]:
    return [await memories.find(client, each) for each in given]


def _ask(memory: str, what: str) -> Fields:
    async def look(client: Client) -> Fields:
        found = await memories.find(client, memory)
        return await client.call("GET", f"/api/memories/{found['id']}/{what}")

    return with_stack(look)
