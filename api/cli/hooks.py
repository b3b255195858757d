"""`hooks`: doors through which n8n and other programs hand work to the agent."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api.cli import shapes
from api.cli.client import Client, Fields, with_stack

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
console = Console(highlight=False, soft_wrap=True)

Name = Annotated[str, typer.Argument(help="The last part of its address: small letters, digits and dashes.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="Its id, as `hooks deliveries` shows it.")]
Callbacks = Annotated[str, typer.Option(help="Where answers may be brought: the beginning of an address.")]
Deadline = Annotated[int, typer.Option("--deadline", min=1, max=86_400, help="Seconds until a run is given up.")]
ModelCalls = Annotated[int, typer.Option("--max-model-calls", min=1, max=100, help="How many a run may make.")]
Budget = Annotated[str | None, typer.Option("--budget", metavar="USD", help="What a run may spend.")]
Dead = Annotated[bool, typer.Option("--dead", help="Only those that were given up.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]


@app.callback()
def hooks() -> None:
    """Doors through which n8n and other programs hand work to the agent. What comes in is never trusted with money.

    [bold]Examples[/]

    bin/pilothouse hooks create alerts

    bin/pilothouse hooks deliveries --dead
    """


@app.command()
def create(
    name: Name,
    *,
    callbacks: Callbacks = "",
    deadline_s: Deadline = 600,
    max_model_calls: ModelCalls = 12,
    budget_usd: Budget = None,
    as_json: AsJson = False,
) -> None:
    """Open one. Its secret signs each call, and the answers that are brought.

    [bold]Examples[/]

    bin/pilothouse hooks create alerts --budget 0.05

    bin/pilothouse hooks create my-n8n --callbacks http://127.0.0.1:5678/webhook-waiting/
    """
    body = {"name": name, "callbacks": callbacks, "deadline_s": deadline_s, "max_model_calls": max_model_calls}
    made = with_stack(lambda client: client.call("POST", "/api/hooks", json={**body, "budget_usd": budget_usd}))
    _show_secret(made, as_json=as_json)


@app.command("list")
def list_hooks(*, as_json: AsJson = False) -> None:
    """Your hooks.

    [bold]Example[/]

    bin/pilothouse hooks list
    """
    found = with_stack(lambda client: client.call("GET", "/api/hooks"))
    if as_json:
        shapes.print_json(found)
        return
    table = shapes.table("hook", "address", "a run may", "answers may go to")
    for hook in found:
        may = f"{hook['deadline_s']} s, {hook['max_model_calls']} calls"
        spend = f", {hook['budget_usd']} USD" if hook["budget_usd"] else ""
        table.add_row(escape(hook["name"]), hook["path"], may + spend, escape(hook["callbacks"]) or "-")
    console.print(table)


@app.command()
def rotate(name: Name, *, as_json: AsJson = False) -> None:
    """Give it a new secret. The old one opens nothing from then on.

    [bold]Example[/]

    bin/pilothouse hooks rotate alerts
    """
    made = with_stack(lambda client: client.call("PUT", f"/api/hooks/{name}/secret"))
    _show_secret(made, as_json=as_json)


@app.command()
def delete(name: Name, *, yes: Yes = False) -> None:
    """Close it. Its runs stay; answers that were not brought yet never are.

    [bold]Example[/]

    bin/pilothouse hooks delete alerts --yes
    """
    if not yes:
        typer.confirm(f"close the hook '{name}'?", abort=True)
    with_stack(lambda client: client.call("DELETE", f"/api/hooks/{name}"))
    console.print(f"closed {escape(name)}")


@app.command()
def deliveries(*, dead: Dead = False, as_json: AsJson = False) -> None:
    """Answers that were, or are to be, brought to where a call asked; why the last try failed.

    [bold]Examples[/]

    bin/pilothouse hooks deliveries

    bin/pilothouse hooks deliveries --dead --json
    """
    path = f"/api/deliveries?dead={str(dead).lower()}"
    found = with_stack(lambda client: client.call("GET", path))
    if as_json:
        shapes.print_json(found)
        return
    table = shapes.table("run", "hook", "state", "tries", "last error")
    for each in found:
        table.add_row(
            shapes.short(each["run_id"]),
            escape(each["hook"]),
            _state(each),
            str(each["attempts"]),
            escape(shapes.printable(each["error"] or "-")),
        )
    console.print(table)


@app.command()
def replay(run: Run) -> None:
    """Bring an answer again, under the same id: who has it already will not hear it twice.

    [bold]Example[/]

    bin/pilothouse hooks replay 0b9f6c0e
    """

    async def send(client: Client) -> Fields:
        run_id = await client.find("run", run)
        await client.call("POST", f"/api/deliveries/{run_id}/replay")
        return {"run_id": run_id}

    console.print(f"the answer of run {shapes.short(with_stack(send)['run_id'])} is brought again")


def _show_secret(made: Fields, *, as_json: bool) -> None:
    if as_json:
        shapes.print_json(made)
        return
    console.print(f"hook {escape(made['name'])}: POST {made['path']}")
    console.print(f"secret: {made['secret']}")
    console.print(f"[dim]the same for libraries of Standard Webhooks: {made['standard_secret']}[/]")


def _state(delivery: Fields) -> str:
    if delivery["delivered_at"]:
        return f"[green]brought {shapes.instant(delivery['delivered_at'])}[/]"
    if delivery["given_up_at"]:
        return f"[red]given up {shapes.instant(delivery['given_up_at'])}[/]"
    return f"[cyan]next at {shapes.instant(delivery['next_at'])}[/]"
