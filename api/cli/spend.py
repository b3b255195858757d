"""`spend`: what models cost, what is left of each budget, and whether the provider counts the same."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from api.cli import instants, shapes
from api.cli.client import Client, Fields
from api.cli.proxy_client import with_proxy
from pilothouse.errors import BadInputError, NotFoundError
from pilothouse.settings import StackSettings

app = typer.Typer(rich_markup_mode="rich")
console = Console(highlight=False)

By = Literal["day", "key", "run", "model", "node", "provider"]
ByWhat = Annotated[By, typer.Option(help="What to add up by.")]
Since = Annotated[str, typer.Option(help="7d: today and six days before; 12h; or a day such as 2026-11-01. In UTC.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
Call = Annotated[str, typer.Argument(metavar="LEDGER_ID", help="Its id in the ledger, or the beginning of it.")]
Cost = Annotated[str, typer.Argument(metavar="COST", help="What it cost, in US dollars; 0: it was not billed.")]
Note = Annotated[str, typer.Option(help="How you know, for the books.")]
INVENTED = "the rehearsal model's costs are invented: set OPENROUTER_API_KEY for a real one"
KINDS = {"all": "everything", "day": "today", "key": "key {}", "key_day": "key {} today"}


@app.callback(invoke_without_command=True)
def spend(context: typer.Context, *, by: ByWhat = "day", since: Since = "7d", as_json: AsJson = False) -> None:
    """What models cost: spent, reserved by calls whose cost is not known yet, refused; and what is left of each budget.

    [bold]Examples[/]

    bin/pilothouse spend

    bin/pilothouse spend --by model --since 30d

    bin/pilothouse spend reconcile
    """
    if context.invoked_subcommand is not None:
        return
    asked = {"by": by, "since": instants.since(since).isoformat()}
    found: Fields = with_proxy(lambda client: client.call("GET", "/usage", params=asked))
    if as_json:
        shapes.print_json(found)
        return
    settings = StackSettings.load()
    if not (settings.openrouter_api_key or settings.llm_base_url):
        typer.echo(INVENTED, err=True)
    total = found["total"]
    if total is None:
        typer.echo(f"no model was called since {found['since'][:16]} UTC")
    else:
        console.print(_usage(by, [*found["rows"], total | {"what": "all of it"}]))
    console.print(_budgets(found["budgets"]))


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """How the provider and our key there are, what is left of each budget, what is not settled, the latest refusals.

    [bold]Examples[/]

    bin/pilothouse spend status

    bin/pilothouse spend status --json
    """
    found: Fields = with_proxy(lambda client: client.call("GET", "/status"))
    if as_json:
        shapes.print_json(found)
        return
    console.print(shapes.facts(_provider(found["provider"])))
    if stopped := found["provider"]["stopped"]:
        typer.echo(_stopped(stopped))
    console.print(_budgets(found["budgets"]))
    _print_unsettled(found["unsettled"])
    for each in found["refusals"]:
        typer.echo(
            f"refused {shapes.instant(each['called_at'])} {each['caller']} {each['asked_model']}: {each['error']}"
        )


@app.command()
def reconcile(*, as_json: AsJson = False) -> None:
    """Whether the provider counts what our ledger says, to the dollar; and what is not settled, and why.

    Exit code 1 when they differ by more than open calls explain, or our own counters do not fit our rows.

    [bold]Examples[/]

    bin/pilothouse spend reconcile

    bin/pilothouse spend reconcile --json
    """
    found: Fields = with_proxy(lambda client: client.call("POST", "/reconcile"))
    if as_json:
        shapes.print_json(found)
    else:
        _print_comparison(found)
    if not found["fits"]:
        raise typer.Exit(1)


@app.command()
def settle(call: Call, cost_usd: Cost, *, note: Note = "", yes: Yes = False) -> None:
    """Say what an open call cost, when the provider's record cannot: its proxy was killed before the call had a name.

    Look at the provider's list of calls first. What the call held reserved is given back to its budgets.

    [bold]Examples[/]

    bin/pilothouse spend settle 0b7e8f56 0

    bin/pilothouse spend settle 0b7e8f56 0.0123 --note "on the bill of 2026-11-25" --yes
    """
    found = with_proxy(lambda client: _find(client, call))
    if not yes:
        console.print(shapes.facts({name: shapes.printable(str(value)) for name, value in found.items()}))
        typer.confirm(f"settle this with {cost_usd} USD?", abort=True)
    verdict = {"cost_usd": cost_usd, "note": note}
    told: Fields = with_proxy(lambda client: client.call("POST", f"/ledger/{found['id']}/settle", json=verdict))
    typer.echo(f"call {told['id']} is settled with {told['cost_usd']} USD")


async def _find(client: Client, given: str) -> Fields:
    unsettled: list[Fields] = (await client.call("GET", "/status"))["unsettled"]
    found = [each for each in unsettled if each["id"].startswith(given.lower())]
    if not found:
        raise NotFoundError(f"no open call begins with {given}", hint="bin/pilothouse spend status")
    if len(found) > 1:
        raise BadInputError(f"{len(found)} open calls begin with {given}", hint="give more of it")
    return found[0]


def _usage(by: str, rows: list[Fields]) -> Table:
    table = shapes.table("spent USD", "reserved", "calls", "open", "refused", "failed", "tokens in", "out", by)
    for each in rows:
        counts = [str(each[name]) for name in ("calls", "open", "refused", "failed")]
        tokens = [str(each[name]) for name in ("prompt_tokens", "completion_tokens")]
        what = "none" if each["what"] is None else shapes.printable(each["what"])
        table.add_row(each["spent_usd"], each["reserved_usd"], *counts, *tokens, shapes.one_line(what))
    return table


def _budgets(budgets: list[Fields]) -> Table:
    table = shapes.table("left USD", "of", "spent", "reserved", "budget")
    for each in budgets:
        name = KINDS[each["kind"]].format(shapes.one_line(each["name"] or ""))
        limits = ("no limit", "-") if each["limit_usd"] is None else (each["left_usd"], each["limit_usd"])
        table.add_row(*limits, each["spent_usd"], each["reserved_usd"], name)
    return table


def _provider(provider: Fields) -> dict[str, Any]:
    used: dict[str, str | None] = provider.get("used_usd", {})
    return {
        "provider": "answers" if provider["reachable"] else "cannot be reached",
        "": provider["detail"] or None,
        "our key's limit": provider.get("limit_usd"),
        "left of it": provider.get("left_usd"),
        **{f"used {period}": usd for period, usd in used.items()},
    }


def _stopped(stop: Fields) -> str:
    limit = f" ({stop['limit_source']})" if stop["limit_source"] else ""
    until = f", until {stop['resets_at']}" if stop["resets_at"] else ""
    since = shapes.instant(stop["at"])
    return f"stopped: the provider refuses calls since {since}{until}: {stop['reason']}{limit}"


def _print_comparison(found: Fields) -> None:
    table = shapes.table("ledger USD", "provider", "difference", "")
    for each in found["periods"]:
        figures = (each[name] or "-" for name in ("ledger_usd", "provider_usd", "difference_usd"))
        table.add_row(*figures, each["period"])
    console.print(table)
    for each in found["periods"]:
        typer.echo(f"{each['period']}: {each['says']}")
    if not found["periods"]:
        console.print(shapes.facts(_provider(found["provider"])))
    if not found["counters_fit"]:
        typer.echo(f"the counters of all calls do not fit the ledger's rows: {shapes.compact(found['counters'])}")
    _print_unsettled(found["unsettled"])


def _print_unsettled(unsettled: list[Fields]) -> None:
    held = sum((Decimal(each["reserved_usd"]) for each in unsettled), Decimal(0))
    typer.echo(f"not settled: {len(unsettled)} calls, which hold {held:f} USD reserved")
    for each in unsettled:
        when = shapes.instant(each["called_at"])
        typer.echo(
            f"{each['id']} {when} {each['caller']} {each['asked_model']} {each['reserved_usd']} USD: {each['why']}"
        )
