"""`runs`: what the agent does and did; list, look at one, follow its events, cancel it."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.cli import shapes
from api.cli.client import Client, Event, Fields, with_stack

CANCEL_WAIT_S = 20  # a run whose process died ends after its lease
MAX_SHOWN_CHARS = 160

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
console = Console(highlight=False)

Id = Annotated[str, typer.Argument(metavar="RUN", help="Its id, or the beginning of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="How many of the newest.")]
After = Annotated[int, typer.Option(min=0, help="Only what came after this event number.")]


@app.callback()
def runs() -> None:
    """Look at runs, follow and cancel them.

    [bold]Examples[/]

    bin/pilothouse runs list

    bin/pilothouse runs events 0b9f6c0e
    """


@app.command("list")
def list_runs(*, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Your runs, newest first.

    [bold]Examples[/]

    bin/pilothouse runs list

    bin/pilothouse runs list --limit 100 --json
    """
    found = with_stack(lambda client: client.call("GET", "/api/runs", params={"limit": limit}))
    if as_json:
        shapes.print_json(found)
    else:
        console.print(_table(found))


@app.command()
def show(run: Id, *, as_json: AsJson = False) -> None:
    """One run: its question, what it did, what it cost, how it ended.

    [bold]Examples[/]

    bin/pilothouse runs show 0b9f6c0e

    bin/pilothouse runs show 0b9f6c0e --json
    """

    async def look(client: Client) -> tuple[Fields, list[Fields]]:
        found = await client.call("GET", f"/api/runs/{await client.find('run', run)}")
        thread = await client.call("GET", f"/api/threads/{found['thread_id']}")
        return found, [each for each in thread["messages"] if each["run_id"] == found["run_id"]]

    found, messages = with_stack(look)
    if as_json:
        shapes.print_json({**found, "messages": messages})
        return
    console.print(shapes.facts(_facts(found)))
    shapes.print_messages(console, messages or [{"role": "user", "content": found["message"]}])


@app.command()
def cancel(run: Id) -> None:
    """Cancel a run and wait for its end; what it did so far stays in its thread.

    [bold]Example[/]

    bin/pilothouse runs cancel 0b9f6c0e
    """

    async def end(client: Client) -> tuple[Fields, Fields]:
        run_id = await client.find("run", run)
        before = await client.call("GET", f"/api/runs/{run_id}")
        await client.cancel(run_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_WAIT_S):
                async for _ in client.follow(run_id):
                    pass
        return before, await client.call("GET", f"/api/runs/{run_id}")

    before, after = with_stack(end)
    told = "had ended already" if before["ended_at"] else "asked to end"
    typer.echo(f"run {after['run_id']} {told}: {after['status']}")


@app.command()
def events(run: Id, *, after: After = 0, as_json: AsJson = False) -> None:
    """Follow a run's events to its end, through any restart of the controller.

    [bold]Examples[/]

    bin/pilothouse runs events 0b9f6c0e

    bin/pilothouse runs events 0b9f6c0e --after 12 --json
    """

    async def follow(client: Client) -> None:
        async for event in client.follow(await client.find("run", run), after=after):
            typer.echo(_line_of_json(event) if as_json else _line(event))

    with_stack(follow)


def _table(found: list[Fields]) -> Table:
    table = shapes.table("run", "thread", "status", "started", "took", "USD", "question")
    for each in found:
        table.add_row(
            shapes.short(each["run_id"]),
            shapes.short(each["thread_id"]),
            shapes.status(each["status"]),
            shapes.instant(each["created_at"]),
            shapes.took(each["created_at"], each["ended_at"]),
            str(each["cost_usd"]),
            shapes.one_line(each["message"]),
        )
    return table


def _facts(found: Fields) -> dict[str, Any]:
    error = found["error"]
    return {
        "run": found["run_id"],
        "thread": found["thread_id"],
        "status": found["status"],
        "error": f"{error['message']} → {error['hint']}" if error else None,
        "model": found["model"],
        "cost": f"{found['cost_usd']} USD",
        "started": shapes.instant(found["created_at"]),
        "took": shapes.took(found["created_at"], found["ended_at"]),
    }


def _line(event: Event) -> str:
    return f"{event.number:>4}  {event.kind:<17}  {shapes.compact(event.fields)}"[:MAX_SHOWN_CHARS]


def _line_of_json(event: Event) -> str:
    return shapes.compact({"id": event.number, "event": event.kind, "data": event.fields})
