"""Commands about all that is remembered at once: how much there is, and of what worth."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from api.cli import shapes
from api.cli.client import Fields, with_stack

console = Console(highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def stats(*, as_json: AsJson = False) -> None:
    """How much is remembered of you, what was kept out, and how much of what is told is junk.

    Junk is what says the same as another memory that is told too.

    [bold]Examples[/]

    bin/pilothouse memory stats

    bin/pilothouse memory stats --json
    """
    found: Fields = with_stack(lambda client: client.call("GET", "/api/memories/stats"))
    if as_json:
        shapes.print_json(found)
    else:
        console.print(shapes.facts(_facts(found)))


def reembed(*, as_json: AsJson = False) -> None:
    """After a change of the embedder: give older memories new vectors, in the background. Again: how far that is.

    [bold]Example[/]

    bin/pilothouse memory reembed
    """
    told: Fields = with_stack(lambda client: client.call("POST", "/api/memories/reembed"))
    if as_json:
        shapes.print_json(told)
    elif told["state"] == "nothing to do":
        typer.echo("nothing to do: every memory has a vector of the present embedder")
    else:
        typer.echo(
            f"{told['done']} of {told['of']} memories of {told['from']} have new vectors: bin/pilothouse memory reembed"
        )
        if told["last_error"]:
            typer.echo(f"the last try failed: {told['last_error']}", err=True)


def _facts(found: Fields) -> dict[str, Any]:
    kept, gate, served = found["memories"], found["gate"], found["served"]
    return {
        "memories": f"{kept['total']}{_told(kept['by_state'])}",
        "kinds": _list(kept["by_kind"]) or None,
        "whose words": _list(kept["by_trust"]) or None,
        "expired": kept["expired"] or None,
        "offered": f"{gate['offered']}, {gate['stored']} kept" + (f", since {gate['since']}" if gate["since"] else ""),
        "dropped": f"{_percent(gate['drop_rate'])}{_told(gate['dropped'])}",
        "to quarantine": gate["quarantined"],
        "superseded": gate["superseded"],
        "secrets taken out": gate["redacted"],
        "junk rate": f"{_percent(served['junk_rate'])} ({served['near_duplicates']} of {served['looked_at']} that are"
        " told say what another one says)",
    }


def _told(counts: Mapping[str, int]) -> str:
    listed = _list(counts)
    return f" ({listed})" if listed else ""


def _list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)


def _percent(share: float | None) -> str:
    return "none yet" if share is None else f"{share:.1%}"
