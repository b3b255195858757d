"""`graph`: the controller's graph as Mermaid text."""

import typer


def graph() -> None:
    """Print the controller's graph as Mermaid.

    [bold]Examples[/]

    bin/pilothouse graph

    bin/pilothouse graph > controller.mmd
    """
    from agents.graph import draw_graph  # noqa: PLC0415 -- LangGraph takes a second to import, other commands need none

    typer.echo(draw_graph())
