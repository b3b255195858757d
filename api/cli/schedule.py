"""`schedule`: what the agent is asked by itself, and when."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.cli import shapes
from api.cli.client import Client, Fields, with_stack
from pilothouse.errors import NotFoundError

LOCAL_TIME = Path("/etc/localtime")
ZONES = "/zoneinfo/"

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
console = Console(highlight=False)

Which = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its name.")]
Cron = Annotated[str, typer.Argument(help="When: minute, hour, day, month, weekday.")]
Message = Annotated[str, typer.Argument(help="What to ask.")]
Zone = Annotated[str, typer.Option(help="IANA time zone, such as Europe/Berlin.", show_default="this machine's")]
Thread = Annotated[str, typer.Option(help="each: a new one a run; own: one for all its runs; or the id of one.")]
Missed = Annotated[str, typer.Option(help="What was due while nothing ran: skip it, or run it once.")]
Paused = Annotated[bool, typer.Option("--paused", help="Do not begin yet.")]
Deadline = Annotated[int, typer.Option("--deadline", min=1, max=86_400, help="Seconds until a run is given up.")]
ModelCalls = Annotated[int, typer.Option("--max-model-calls", min=1, max=100, help="How many a run may make.")]
Budget = Annotated[str | None, typer.Option("--budget", metavar="USD", help="What a run may spend.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]


def _local_zone() -> str:
    """This machine's, where it says so in the usual way."""
    _, found, name = str(LOCAL_TIME.resolve()).rpartition(ZONES)
    return name if found else "UTC"


@app.callback()
def schedule() -> None:
    """Ask the agent something at set times.

    [bold]Examples[/]

    bin/pilothouse schedule add morning "30 7 * * 1-5" "How is my bot doing?"

    bin/pilothouse schedule list
    """


@app.command()
def add(
    name: str,
    cron: Cron,
    message: Message,
    *,
    zone: Zone = _local_zone(),
    thread: Thread = "each",
    missed: Missed = "skip",
    paused: Paused = False,
    deadline_s: Deadline = 600,
    max_model_calls: ModelCalls = 12,
    budget_usd: Budget = None,
) -> None:
    """Add one. It needs your key, which is yours alone: neither the agent nor a workflow can make schedules.

    [bold]Examples[/]

    bin/pilothouse schedule add morning "30 7 * * 1-5" "How is my bot doing?" --zone Europe/Berlin

    bin/pilothouse schedule add weekly "0 18 * * SUN" "What did models cost me this week?" --missed once --budget 0.05
    """
    limits = {"deadline_s": deadline_s, "max_model_calls": max_model_calls, "budget_usd": budget_usd}
    body = {"name": name, "cron": cron, "zone": zone, "message": message, "missed": missed, "enabled": not paused}

    async def send(client: Client) -> Fields:
        where = thread if thread in {"each", "own"} else await client.find("thread", thread)
        return await client.call("POST", "/api/schedules", json={**body, **limits, "thread": where})

    _tell(with_stack(send))


@app.command("list")
def list_schedules(*, as_json: AsJson = False) -> None:
    """Your schedules: when each is due next, and how its last run ended.

    [bold]Examples[/]

    bin/pilothouse schedule list

    bin/pilothouse schedule list --json
    """
    found = with_stack(lambda client: client.call("GET", "/api/schedules"))
    if as_json:
        shapes.print_json(found)
    else:
        console.print(_table(found))


@app.command()
def show(schedule: Which, *, as_json: AsJson = False) -> None:
    """One schedule: the next five times, its last run, and why it last started none.

    [bold]Examples[/]

    bin/pilothouse schedule show morning

    bin/pilothouse schedule show morning --json
    """
    found = with_stack(lambda client: _find(client, schedule))
    if as_json:
        shapes.print_json(found)
    else:
        console.print(shapes.facts(_facts(found)))


@app.command()
def pause(schedule: Which) -> None:
    """Start no more runs until it is resumed. One that is under way goes on.

    [bold]Example[/]

    bin/pilothouse schedule pause morning
    """
    _tell(_change(schedule, enabled=False))


@app.command()
def resume(schedule: Which) -> None:
    """Go on from now. What was due while it was paused is not caught up on.

    [bold]Example[/]

    bin/pilothouse schedule resume morning
    """
    _tell(_change(schedule, enabled=True))


@app.command()
def run(schedule: Which) -> None:
    """Start its run now, whenever it is due next.

    [bold]Example[/]

    bin/pilothouse schedule run morning
    """

    async def start(client: Client) -> Fields:
        found = await _find(client, schedule)
        return await client.call("POST", f"/api/schedules/{found['schedule_id']}/run")

    started = with_stack(start)
    run_id = shapes.short(started["run_id"])
    typer.echo(f"run {started['run_id']} is {started['status']}: bin/pilothouse runs events {run_id}")


@app.command()
def delete(schedule: Which, *, yes: Yes = False) -> None:
    """Delete one. Its runs stay.

    [bold]Examples[/]

    bin/pilothouse schedule delete morning

    bin/pilothouse schedule delete morning --yes
    """
    found = with_stack(lambda client: _find(client, schedule))
    if not yes:
        typer.confirm(f"delete schedule '{found['name']}'?", abort=True)
    with_stack(lambda client: client.call("DELETE", f"/api/schedules/{found['schedule_id']}"))
    typer.echo(f"schedule '{found['name']}' is deleted")


async def _find(client: Client, name: str) -> Fields:
    listed: list[Fields] = await client.call("GET", "/api/schedules")
    found = [each for each in listed if name in {each["name"], each["schedule_id"]}]
    if not found:
        raise NotFoundError(f"you have no schedule '{name}'", hint="bin/pilothouse schedule list")
    return found[0]


def _change(name: str, **changes: Any) -> Fields:
    async def send(client: Client) -> Fields:
        found = await _find(client, name)
        return await client.call("PATCH", f"/api/schedules/{found['schedule_id']}", json=changes)

    return with_stack(send)


def _tell(found: Fields) -> None:
    when = f"next: {_time(found['next_times'][0])}" if found["next_times"] else "paused"
    typer.echo(f"schedule '{found['name']}': {found['in_words']}, {found['zone']}; {when}")


def _table(found: list[Fields]) -> Table:
    table = shapes.table("name", "next", "zone", "last run", "question")
    for each in found:
        table.add_row(
            shapes.one_line(each["name"]),
            _time(each["next_times"][0]) if each["next_times"] else "[yellow]paused[/]",
            shapes.one_line(each["zone"]),
            shapes.status(each["last_run"]["status"]) if each["last_run"] else "none",
            shapes.one_line(each["message"]),
        )
    return table


def _facts(found: Fields) -> dict[str, Any]:
    last, skipped = found["last_run"], found["skipped"]
    limits = f"{found['deadline_s']} s, {found['max_model_calls']} model calls"
    return {
        "schedule": found["name"],
        "due": f"{found['in_words']} ({found['cron']}), {found['zone']}",
        "question": found["message"],
        "thread": found["thread_id"] or "a new one a run",
        "limits": limits if found["budget_usd"] is None else f"{limits}, {found['budget_usd']} USD",
        "missed": {"skip": "left out", "once": "caught up on once"}[found["missed"]],
        "next": "\n".join(map(_time, found["next_times"])) or "paused",
        "last run": f"{last['run_id']} {last['error'] or last['status']}, {last['cost_usd']} USD" if last else "none",
        "left out": f"{_time(skipped['due_at'])}: {skipped['because']}" if skipped else None,
    }


def _time(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%a %Y-%m-%d %H:%M %z}"
