"""`keys`: with which n8n, scripts and other programs may use models through the proxy, and what each may spend."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.cli import instants, shapes
from api.cli.client import Client, Fields
from api.cli.proxy_client import with_proxy
from pilothouse.errors import NotFoundError

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
console = Console(highlight=False)

Name = Annotated[str, typer.Argument(help="What uses it, such as n8n. A name is never used twice.")]
Which = Annotated[str, typer.Argument(metavar="KEY", help="Its name, its id, or the beginning of its id.")]
Owner = Annotated[str, typer.Option(help="Whose it is.")]
Models = Annotated[str, typer.Option(help="The only models it may use, with commas between them. Empty: all.")]
Scopes = Annotated[str, typer.Option(help="What it may do: chat, embeddings.")]
Expires = Annotated[str, typer.Option(help="When it ends: 30d, 12h, or a day such as 2027-01-31. Empty: never.")]
Budget = Annotated[str | None, typer.Option("--budget", metavar="USD", help="What it may spend in all.")]
BudgetDay = Annotated[str | None, typer.Option("--budget-day", metavar="USD", help="What it may spend in a day (UTC).")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]


@app.callback()
def keys() -> None:
    """Keys for programs that use models through the proxy. None of them opens the API, or makes other keys.

    [bold]Examples[/]

    bin/pilothouse keys create n8n --budget-day 0.50

    bin/pilothouse keys list
    """


@app.command()
def create(
    name: Name,
    *,
    owner: Owner = "owner",
    models: Models = "",
    scopes: Scopes = "chat,embeddings",
    expires: Expires = "",
    budget: Budget = None,
    budget_day: BudgetDay = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once; the proxy keeps only its hash.

    [bold]Examples[/]

    bin/pilothouse keys create n8n --budget 5 --budget-day 0.50

    bin/pilothouse keys create nightly --models openai/gpt-4.1-mini --scopes chat --expires 30d --owner ada
    """
    asked = {
        "name": name,
        "owner": owner,
        "models": _words(models) or None,
        "scopes": _words(scopes),
        "expires_at": instants.ahead(expires).isoformat() if expires else None,
        "budget_usd": budget,
        "budget_day_usd": budget_day,
    }
    made: Fields = with_proxy(lambda client: client.call("POST", "/keys", json=asked))
    _show(made, as_json=as_json)


@app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """All keys, the newest first: limits, what was spent of them, and until when they count.

    [bold]Examples[/]

    bin/pilothouse keys list

    bin/pilothouse keys list --json
    """
    found = with_proxy(_list)
    if as_json:
        shapes.print_json(found)
    else:
        console.print(_table(found))


@app.command()
def revoke(key: Which, *, yes: Yes = False) -> None:
    """Let a key be refused from now on, for good. What it spent stays in the ledger.

    [bold]Examples[/]

    bin/pilothouse keys revoke n8n

    bin/pilothouse keys revoke 3f2a9c10 --yes
    """
    found = with_proxy(lambda client: _find(client, key))
    if not yes:
        own = ", which the stack itself uses," if found["is_service"] else ""
        typer.confirm(f"refuse the key '{found['name']}'{own} from now on, for good?", abort=True)
    with_proxy(lambda client: client.call("POST", f"/keys/{found['id']}/revoke"))
    typer.echo(f"the key '{found['name']}' is refused from now on")


@app.command()
def rotate(key: Which, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Put a new key in the place of one, with its name, its limits and what was spent of them. The old one is refused.

    [bold]Examples[/]

    bin/pilothouse keys rotate n8n

    bin/pilothouse keys rotate n8n --yes --json
    """
    found = with_proxy(lambda client: _find(client, key))
    if not yes:
        typer.confirm(f"refuse the key that '{found['name']}' has now?", abort=True)
    made: Fields = with_proxy(lambda client: client.call("POST", f"/keys/{found['id']}/rotate"))
    _show(made, as_json=as_json)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


async def _list(client: Client) -> list[Fields]:
    return (await client.call("GET", "/keys"))["keys"]


async def _find(client: Client, given: str) -> Fields:
    every = await _list(client)
    found = [each for each in every if each["name"] == given] or [
        each for each in every if each["id"].startswith(given.lower())
    ]
    if len(found) != 1:
        raise NotFoundError(f"{len(found) or 'no'} keys are called {given}", hint="bin/pilothouse keys list")
    return found[0]


def _show(made: Fields, *, as_json: bool) -> None:
    if as_json:
        shapes.print_json(made)
        return
    typer.echo(made["key"])
    typer.echo(f"'{made['name']}' may use models with it, at the proxy's /v1. It is not shown again.", err=True)


def _table(found: list[Fields]) -> Table:
    table = shapes.table("key", "name", "owner", "spent", "of", "today", "of", "state", "may use")
    for each in found:
        table.add_row(
            shapes.short(each["id"]),
            shapes.one_line(each["name"]),
            shapes.one_line(each["owner"]),
            each["spent_usd"],
            each["budget_usd"] or "-",
            each["spent_today_usd"],
            each["budget_day_usd"] or "-",
            _state(each),
            shapes.one_line(f"{', '.join(each['scopes'])}: {_models(each)}"),
        )
    return table


def _models(key: Fields) -> str:
    return "all models" if key["models"] is None else ", ".join(key["models"])


def _state(key: Fields) -> str:
    if key["revoked_at"]:
        return f"[red]revoked {key['revoked_at'][:10]}[/]"
    if key["is_service"]:
        return "the stack's own"
    return f"until {key['expires_at'][:10]}" if key["expires_at"] else "good"
