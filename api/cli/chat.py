"""`chat`: a conversation in the terminal, streamed, with tool calls and cost."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from api.cli import talk
from pilothouse.clock import now
from pilothouse.errors import PilothouseError
from stack.lifecycle import StackInfo, ensure_up


def chat(
    thread: Annotated[str | None, typer.Option(help="Go on in this thread instead of a new one.")] = None,
) -> None:
    """Talk with the agent: streams answers, shows tool calls and cost. Starts everything first when it does not run.

    [bold]Examples[/]

    bin/pilothouse chat

    bin/pilothouse chat --thread 6f1c2f1e

    Ctrl-C cancels an answer under way. Leave with /quit, Ctrl-D or Ctrl-C; /new starts a new thread.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    stack = ensure_up(partial(console.print, markup=False, soft_wrap=True))
    console.print("Ask away. /new starts a new thread, /quit leaves.", style="dim")
    while (question := _read()) is not None:
        if question == "/new":
            thread = None
            console.print("a new thread", style="dim")
        elif question:
            thread = _turn(stack, question, thread, console)


def _turn(stack: StackInfo, question: str, thread: str | None, console: Console) -> str | None:
    """One question; what goes wrong is said, and the conversation goes on. Returns the thread."""
    try:
        asking = talk.ask(stack, message=talk.checked(question), thread=thread, console=console)
        since, reply = now(), asyncio.run(asking)
        thread = reply.thread_id or thread
        if reply.awaits_approval:
            _wait(stack, reply.thread_id, since, console)
    except PilothouseError as error:
        console.print(f"{error.message} → {error.hint}", style="red", markup=False, soft_wrap=True)
    return thread


def _wait(stack: StackInfo, thread_id: str, since: datetime, console: Console) -> None:
    try:
        asyncio.run(talk.hear_fate(stack, thread_id=thread_id, since=since, console=console))
    except KeyboardInterrupt:
        console.print("the thread will be told all the same", style="dim")


def _read() -> str | None:
    """The next line; None when the person leaves."""
    try:
        line = input("> ").strip()
    except (EOFError, KeyboardInterrupt):
        return None
    return None if line in ("/quit", "/exit") else line
