"""`memory`: what is remembered of you; look into it, correct it, let in what waits, forget it."""

from typing import Annotated

import typer
from rich.console import Console

from api.cli import instants, memories, memory_files, memory_one, memory_record, memory_store, shapes
from api.cli.client import with_stack

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(memory_record.app, name="record")
console = Console(highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many of the newest.")]
Kind = Annotated[str | None, typer.Option(help="note, fact, decision, backtest or outcome.")]
Strategy = Annotated[str | None, typer.Option(help="Only what is about this strategy.")]
Pair = Annotated[str | None, typer.Option(help="Only what is about this pair, such as ETH/USDT.")]
Since = Annotated[str | None, typer.Option(help="7d, 12h or a day such as 2026-11-01: not before.")]
Until = Annotated[str | None, typer.Option(help="The same: not after.")]
Expires = Annotated[str | None, typer.Option(help="30d, 12h or a day: then it is told to no model any more.")]


@app.callback()
def memory() -> None:
    """What is remembered of you.

    [bold]Examples[/]

    bin/pilothouse memory list

    bin/pilothouse memory search "open trades"

    bin/pilothouse memory quarantine
    """


@app.command("list")
def list_memories(
    *,
    limit: Limit = 50,
    state: Annotated[str | None, typer.Option(help="served, quarantined or superseded.")] = None,
    kind: Kind = None,
    strategy: Strategy = None,
    pair: Pair = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Everything that is kept, newest first, whether the agent is told it or not.

    [bold]Examples[/]

    bin/pilothouse memory list

    bin/pilothouse memory list --pair ETH/USDT --since 30d --json
    """
    about = memories.about(kind=kind, strategy=strategy, pair=pair, since=since, until=until)
    found = with_stack(lambda client: memories.newest(client, limit=limit, state=state, **about))
    if as_json:
        shapes.print_json(found)
    elif not found:
        typer.echo("nothing is remembered yet" if not (state or about) else "nothing of that kind is remembered")
    else:
        console.print(memories.table(found))


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="What to look for, in plain words.")],
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=50, help="How many of the best.")] = 8,
    kind: Kind = None,
    strategy: Strategy = None,
    pair: Pair = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """What the agent would find, best first. Quarantined, superseded and expired memories are not among it.

    [bold]Examples[/]

    bin/pilothouse memory search "open trades"

    bin/pilothouse memory search "what did we learn" --strategy Trend --kind backtest
    """
    about = memories.about(kind=kind, strategy=strategy, pair=pair, since=since, until=until)
    body = {"query": question, "limit": limit, **about}
    found = with_stack(lambda client: client.call("POST", "/api/memories/search", json=body))["memories"]
    if as_json:
        shapes.print_json(found)
    elif not found:
        typer.echo("nothing is remembered about that")
    else:
        console.print(memories.table(found))


@app.command()
def add(
    text: Annotated[str, typer.Argument(help="What to remember: one full sentence.")],
    *,
    expires: Expires = None,
    strategy: Annotated[str | None, typer.Option(help="The strategy it is about.")] = None,
    pair: Annotated[str | None, typer.Option(help="The pair it is about.")] = None,
) -> None:
    """Remember something in your own words.

    [bold]Examples[/]

    bin/pilothouse memory add "I never want more than three open trades"

    bin/pilothouse memory add "Trend is paused over Christmas" --strategy Trend --expires 2026-12-27
    """
    expires_at = instants.ahead(expires).isoformat() if expires else None
    subject = {"strategy": strategy, "pair": pair} if strategy or pair else None
    body = {"text": text, "expires_at": expires_at, "subject": subject}
    saved = with_stack(lambda client: client.call("POST", "/api/memories", json=body))
    known = " (it was known already)" if saved["duplicate"] else ""
    typer.echo(f"memory {shapes.short(saved['id'])} is kept{known}")


@app.command()
def quarantine(*, as_json: AsJson = False) -> None:
    """What came from a conversation with text of others, and is told to no model until you admit it.

    [bold]Examples[/]

    bin/pilothouse memory quarantine

    bin/pilothouse memory quarantine --json
    """
    waiting = with_stack(lambda client: memories.newest(client, limit=memories.NEWEST, state="quarantined"))
    if as_json:
        shapes.print_json(waiting)
    elif not waiting:
        typer.echo("nothing waits in quarantine")
    else:
        console.print(memories.table(waiting))
        typer.echo("bin/pilothouse memory admit MEMORY lets one in, memory forget MEMORY erases it")


ONE = (memory_one.show, memory_one.history, memory_one.why, memory_one.edit)
LET = (memory_one.admit, memory_one.restore, memory_one.forget)
for command in (*ONE, *LET, memory_files.export, memory_store.stats, memory_store.reembed):
    app.command()(command)
app.command("import")(memory_files.import_memories)
