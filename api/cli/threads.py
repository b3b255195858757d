"""`threads`: conversations; list, read and delete them."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.cli import shapes
from api.cli.client import NEWEST, Client, Fields, with_stack

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
console = Console(highlight=False)

Id = Annotated[str, typer.Argument(metavar="THREAD", help="Its id, or the beginning of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="How many of the newest.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]


@app.callback()
def threads() -> None:
    """List, read and delete threads.

    [bold]Examples[/]

    bin/pilothouse threads list

    bin/pilothouse threads show 6f1c2f1e
    """


@app.command("list")
def list_threads(*, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Your threads, newest first.

    [bold]Examples[/]

    bin/pilothouse threads list

    bin/pilothouse threads list --limit 100 --json
    """

    async def look(client: Client) -> tuple[list[Fields], list[Fields]]:
        found = await client.call("GET", "/api/threads", params={"limit": limit})
        return found, [] if as_json else await client.call("GET", "/api/runs", params={"limit": NEWEST})

    found, runs = with_stack(look)
    if as_json:
        shapes.print_json(found)
    else:
        console.print(_table(found, runs))


@app.command()
def show(thread: Id, *, as_json: AsJson = False) -> None:
    """One thread with its messages.

    [bold]Examples[/]

    bin/pilothouse threads show 6f1c2f1e

    bin/pilothouse threads show 6f1c2f1e --json
    """

    async def look(client: Client) -> Fields:
        return await client.call("GET", f"/api/threads/{await client.find('thread', thread)}")

    found = with_stack(look)
    if as_json:
        shapes.print_json(found)
        return
    console.print(shapes.facts(_facts(found)))
    shapes.print_messages(console, found["messages"])


@app.command()
def delete(thread: Id, *, yes: Yes = False) -> None:
    """Delete a thread with its messages, runs and events, for good. What it cost stays in the ledger.

    [bold]Examples[/]

    bin/pilothouse threads delete 6f1c2f1e

    bin/pilothouse threads delete 6f1c2f1e --yes
    """
    thread_id = with_stack(lambda client: client.find("thread", thread))
    if not yes:
        typer.confirm(f"delete thread {thread_id} for good?", abort=True)
    with_stack(lambda client: client.call("DELETE", f"/api/threads/{thread_id}"))
    typer.echo(f"thread {thread_id} is deleted")


def _table(found: list[Fields], runs: list[Fields]) -> Table:
    last = {run["thread_id"]: run["message"] for run in reversed(runs)}
    table = shapes.table("thread", "began", "last question")
    for each in found:
        question = shapes.one_line(last.get(each["thread_id"], ""))
        table.add_row(shapes.short(each["thread_id"]), shapes.instant(each["created_at"]), question)
    return table


def _facts(found: Fields) -> dict[str, str]:
    return {
        "thread": found["thread_id"],
        "began": shapes.instant(found["created_at"]),
        "runs": ", ".join(f"{shapes.short(run['run_id'])} {run['status']}" for run in found["runs"]),
        "tainted": "yes: holds text that others wrote" if found["tainted"] else "no",
    }
