"""`graph`: the controller's graph as Mermaid text."""

import typer

from agents.graph import draw_graph


def graph() -> None:
    """Print the controller's graph as Mermaid.

    [bold]Examples[/]

    bin/pilothouse graph

    bin/pilothouse graph > controller.mmd
    """
    typer.echo(draw_graph())
