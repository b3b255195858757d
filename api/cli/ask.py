"""`ask`: one question, one streamed answer; brings the stack up when it is not."""

import asyncio
import sys
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from api.cli import talk
from stack.lifecycle import ensure_up


def ask(
    message: Annotated[str, typer.Argument(help="Your question; '-' reads it from standard input.")],
    thread: Annotated[str | None, typer.Option(help="Go on in this thread instead of a new one.")] = None,
) -> None:
    """Ask the agent one question and stream its answer; Ctrl-C cancels it.

    Starts everything first when it does not run, and leaves it running; the first time it also installs.

    [bold]Examples[/]

    bin/pilothouse ask "How is my bot doing?"

    bin/pilothouse ask --thread 6f1c2f1e "And since yesterday?"

    echo "What did I spend this week?" | bin/pilothouse ask -
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    question = talk.checked(sys.stdin.read() if message == "-" else message)
    stack = ensure_up(partial(console.print, markup=False, soft_wrap=True))
    reply = asyncio.run(talk.ask(stack, message=question, thread=thread, console=console))
    if reply.failed:
        raise typer.Exit(1)
