"""`approvals`: what waits for a person, and what that person decides, signed with a key no service holds.

What is signed is the SHA-256 of exactly what is shown here, computed here: a controller that shows something else than
would be done gets a signature that fits nothing.
"""

from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from api.cli import approver, intents, keys, shapes
from api.cli.client import Client, Fields, with_stack
from pilothouse.errors import BadInputError
from pilothouse.signing import digest

WAITING = ("awaiting_approval", "unknown")

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
console = Console(highlight=False)

Which = Annotated[str, typer.Argument(metavar="INTENT", help="Its id, or the beginning of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
Note = Annotated[str, typer.Option(help="Why, for the books.")]
Figure = Annotated[str | None, typer.Option(help="A plain figure, such as 25.5.")]


@app.callback()
def approvals() -> None:
    """Decide what is done with money.

    [bold]Examples[/]

    bin/pilothouse approvals pair

    bin/pilothouse approvals list

    bin/pilothouse approvals approve 0b7e8f56
    """


app.command()(keys.pair)


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
    states = () if all_of_them else WAITING
    found = with_stack(lambda client: intents.list_newest(client, *states))
    if as_json:
        shapes.print_json(found)
    elif not found:
        typer.echo("nothing was proposed yet" if all_of_them else "nothing waits for you")
    else:
        console.print(intents.table(found))


@app.command()
def show(intent: Which, *, as_json: AsJson = False) -> None:
    """One intent: what would be done, and how far it came.

    [bold]Examples[/]

    bin/pilothouse approvals show 0b7e8f56

    bin/pilothouse approvals show 0b7e8f56 --json
    """
    found = with_stack(lambda client: intents.find(client, intent))
    if as_json:
        shapes.print_json(found)
    else:
        console.print(shapes.facts(intents.facts(found)))


@app.command()
def approve(intent: Which, *, yes: Yes = False) -> None:
    """Say yes to exactly what is shown. It is checked once more against your limits before it is done.

    [bold]Examples[/]

    bin/pilothouse approvals approve 0b7e8f56

    bin/pilothouse approvals approve 0b7e8f56 --yes
    """
    _decide(intent, "approve", {}, yes=yes)


@app.command()
def reject(intent: Which, *, note: Note = "", yes: Yes = False) -> None:
    """Say no: nothing will be done.

    [bold]Examples[/]

    bin/pilothouse approvals reject 0b7e8f56

    bin/pilothouse approvals reject 0b7e8f56 --note "not before the weekend" --yes
    """
    _decide(intent, "reject", _given(note=note), yes=yes)


@app.command()
def edit(intent: Which, *, stake: Figure = None, amount: Figure = None, price: Figure = None, yes: Yes = False) -> None:
    """Change it: another intent takes its place, if it is within your limits, and waits for your yes.

    [bold]Examples[/]

    bin/pilothouse approvals edit 0b7e8f56 --stake 25

    bin/pilothouse approvals edit 0b7e8f56 --amount 0.01 --price 3020.5
    """
    changes = _given(stake=stake, amount=amount, price_seen=price)
    if not changes:
        raise BadInputError("nothing is to be changed", hint="give --stake, --amount or --price")
    decided = _decide(intent, "edit", changes, yes=yes)
    for name, change in decided["changes"].items():
        console.print(f"{name}: {change['before']} -> {change['after']}", markup=False)
    new = decided["edited"]
    typer.echo(f"intent {new['id']} took its place and is {new['state']}")


@app.command()
def resolve(
    intent: Which,
    fate: Annotated[Literal["filled", "failed"], typer.Argument(help="What became of it at the exchange.")],
    *,
    note: Note = "",
    yes: Yes = False,
) -> None:
    """Say what became of an intent whose fate is unknown. Look at the bot's trades first: nothing is sent again.

    [bold]Examples[/]

    bin/pilothouse approvals resolve 0b7e8f56 failed --note "the exchange has no such order"

    bin/pilothouse approvals resolve 0b7e8f56 filled
    """
    _decide(intent, fate, _given(note=note), yes=yes)


@app.command()
def link(intent: Which) -> None:
    """A link that decides it, once, for whoever holds it: it may reject, and approve up to `link_stake` of your policy.

    [bold]Example[/]

    bin/pilothouse approvals link 0b7e8f56
    """

    async def mint(client: Client) -> Fields:
        found = await intents.find(client, intent)
        return await client.call("POST", f"/api/intents/{found['id']}/links")

    minted = with_stack(mint)
    typer.echo(minted["url"])


app.command()(keys.approvers)
app.command()(keys.revoke)


def _decide(intent: str, decision: str, details: dict[str, str], *, yes: bool) -> Fields:
    content: Fields = with_stack(lambda client: intents.find(client, intent))["content"]
    console.print(shapes.facts(intents.visible(content)))
    if not yes:
        said = "".join(f", {name} {value}" for name, value in details.items())
        typer.confirm(f"{decision}{said}: sign this?", abort=True)
    statement = approver.signed(digest(content), decision, details)
    path = f"/api/intents/{content['id']}/decision"
    decided: Fields = with_stack(lambda client: client.call("POST", path, json=statement))
    typer.echo(f"intent {content['id']} is {decided['state']}")
    return decided


def _given(**details: Any) -> dict[str, str]:
    return {name: value for name, value in details.items() if value}
