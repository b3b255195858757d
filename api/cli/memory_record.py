"""`memory record`: keep what was learned with its figures, so that it is found by strategy, pair and time."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli import backtest_file, backtest_memories, instants, shapes
from api.cli.client import Client, Fields, with_stack
from pilothouse.errors import BadInputError

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

Text = Annotated[str, typer.Argument(help="What was decided or came of it: one full sentence.")]
Pair = Annotated[str | None, typer.Option(help="The pair it is about, such as ETH/USDT.")]
Strategy = Annotated[str | None, typer.Option(help="The strategy it is about.")]
Since = Annotated[str | None, typer.Option(help="7d, 12h or a day such as 2026-11-01: when it began.")]
Until = Annotated[str | None, typer.Option(help="The same: when it ended.")]
Figures = Annotated[list[str] | None, typer.Option("--figure", metavar="NAME=VALUE", help="Such as profit_pct=1.25.")]
Links = Annotated[list[str] | None, typer.Option("--link", help="Where it can be looked up: an address, trade:7.")]


@app.callback()
def record() -> None:
    """Keep a backtest, a decision or an outcome with its figures.

    [bold]Examples[/]

    bin/pilothouse memory record backtest user_data/backtest_results/backtest-result-2026-11-25_13-53-35.zip

    bin/pilothouse memory record outcome "Trend lost in the falling market" --strategy Trend --figure profit_pct=-2.5
    """


@app.command()
def backtest(
    file: Annotated[Path, typer.Argument(help="The .zip or .json that Freqtrade's backtesting exported.")],
    *,
    note: Annotated[str | None, typer.Option(help="What you make of it.")] = None,
) -> None:
    """Keep the figures of a backtest: of each strategy, and of each pair it traded. The same file is kept once.

    [bold]Example[/]

    bin/pilothouse memory record backtest backtest-result-2026-11-25_13-53-35.zip --note "Too many losers at night"
    """
    bodies = backtest_memories.bodies(backtest_file.read(file), note=note)

    async def send(client: Client) -> list[Fields]:
        return [await _send(client, body, key=key) for key, body in bodies.items()]

    for kept in with_stack(send):
        _tell(kept)


@app.command()
def decision(
    text: Text,
    *,
    pair: Pair = None,
    strategy: Strategy = None,
    since: Since = None,
    until: Until = None,
    figures: Figures = None,
    links: Links = None,
) -> None:
    """Keep a decision of yours. Those about trades that the agent proposed are kept by themselves.

    [bold]Example[/]

    bin/pilothouse memory record decision "I stopped Trend over the holidays" --strategy Trend --since 2026-12-20
    """
    about = _about(pair=pair, strategy=strategy, since=since, until=until, figures=figures, links=links)
    _keep(text, kind="decision", about=about)


@app.command()
def outcome(
    text: Text,
    *,
    pair: Pair = None,
    strategy: Strategy = None,
    since: Since = None,
    until: Until = None,
    figures: Figures = None,
    links: Links = None,
) -> None:
    """Keep what came of something. Trades that the agent proposed are kept by themselves.

    [bold]Example[/]

    bin/pilothouse memory record outcome "The grid earned a little" --pair ETH/USDT --figure profit_usdt=12.5
    """
    about = _about(pair=pair, strategy=strategy, since=since, until=until, figures=figures, links=links)
    _keep(text, kind="outcome", about=about)


def _keep(text: str, *, kind: str, about: Fields) -> None:
    """One that a person typed."""
    body = {"text": text, "kind": kind, "subject": about}
    _tell(with_stack(lambda client: _send(client, body)))


def _about(
    *,
    pair: str | None,
    strategy: str | None,
    since: str | None,
    until: str | None,
    figures: list[str] | None,
    links: list[str] | None,
) -> Fields:
    bounds = {"since": instants.since(since) if since else None, "until": instants.until(until) if until else None}
    return {
        "pair": pair,
        "strategy": strategy,
        **{name: instant.isoformat() for name, instant in bounds.items() if instant},
        "figures": dict(map(_named, figures or [])),
        "links": links or [],
    }


def _named(figure: str) -> tuple[str, str]:
    name, found, value = figure.partition("=")
    if not found:
        raise BadInputError(f"'{figure}' is no figure", hint="write --figure profit_pct=1.25, a name with its unit")
    return name, value


async def _send(client: Client, body: Fields, *, key: str = "") -> Fields:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.call("POST", "/api/memories", json=body, headers=headers)


def _tell(saved: Fields) -> None:
    known = " (it was known already)" if saved["duplicate"] else ""
    typer.echo(f"memory {shapes.short(saved['id'])} is kept{known}: {shapes.printable(saved['text'])}")
