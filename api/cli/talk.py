"""One question, shown as it is answered: words on stdout, everything else on stderr."""

import asyncio
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson
from rich.console import Console

from api.cli.client import Client, Event, connect
from pilothouse.errors import BadInputError, PilothouseError, UnavailableError
from stack.lifecycle import StackInfo

LOOK_EVERY_S = 1
MAX_SHOWN_CHARS = 160
TWIN = "Pilothouse Twin"  # the provider whose prices are invented


@dataclass
class Reply:
    """How a question ended."""

    thread_id: str = ""
    answer: str = ""
    failed: bool = False
    awaits_approval: bool = False


def checked(message: str) -> str:
    """The message, or a clear word on what is wrong with it, before anything is started."""
    try:
        message.encode()
    except UnicodeEncodeError as error:
        raise BadInputError("the message is not valid UTF-8", hint="check your terminal's encoding") from error
    if not message.strip():
        raise BadInputError("the message is empty", hint='bin/pilothouse ask "How is my bot doing?"')
    return message


async def ask(stack: StackInfo, *, message: str, thread: str | None, console: Console) -> Reply:
    """Start a run and print it as it happens; Ctrl-C cancels it. `console` writes to stderr."""
    async with connect(stack) as client:
        thread_id = await client.find("thread", thread) if thread else None
        run_id = (await client.start(message=message, thread_id=thread_id))["run_id"]
        teller = Teller(console)
        with _cancelled_by_ctrl_c(client, run_id, console):
            async for event in client.follow(run_id, on_break=teller.say_lost):
                teller.tell(event)
        return teller.reply


async def hear_fate(stack: StackInfo, *, thread_id: str, since: datetime, console: Console) -> None:
    """Wait for the run that tells the thread what became of a proposal, and print it; Ctrl-C waits no longer."""
    console.print("waiting for the decision; Ctrl-C goes on without it", style="dim")
    async with connect(stack) as client:
        run = await _telling(client, thread_id, since)
        teller = Teller(console)
        async for event in client.follow(run["run_id"], on_break=teller.say_lost):
            teller.tell(event)


async def _telling(client: Client, thread_id: str, since: datetime) -> dict[str, Any]:
    while True:
        with suppress(UnavailableError):  # it comes back
            for run in await client.call("GET", "/api/runs", params={"limit": 20}):
                is_later = datetime.fromisoformat(run["created_at"]) > since
                if run["thread_id"] == thread_id and run["tells_of"] and is_later:
                    return run
        await asyncio.sleep(LOOK_EVERY_S)


class Teller:
    """Prints the events of one run. What another attempt of the run repeats is printed once."""

    def __init__(self, console: Console) -> None:
        """`console` writes to stderr."""
        self.reply = Reply()
        self._console = console
        self._started = time.monotonic()
        self._open = ""  # the id of the message whose words are arriving
        self._whole: set[str] = set()  # steps whose message was printed to its end
        self._tools: set[tuple[str, str]] = set()
        self._simulated = False
        self._served_by = ""
        self._lost = False

    def tell(self, event: Event) -> None:
        """Print what the event says."""
        self._lost = False
        fields = event.fields
        match event.kind:
            case "run.started":
                self._say_start(fields)
            case "message.delta":
                self._say_words(fields["message_id"], fields["text"])
            case "message.completed":
                self._end_words(fields["message_id"])
            case "tool.started" | "tool.finished":
                self._say_tool(event.kind, fields)
            case "approval.requested":
                self._say_approval(fields)
            case "usage.recorded":
                self._simulated |= fields["provider"] == TWIN
                self._served_by = _served_by(fields)
            case "run.finished" | "run.failed" | "run.cancelled":
                self._cut_off()
                self._say_end(event.kind, fields)
            case _:
                pass

    def say_lost(self) -> None:
        """The connection broke; said once, however long it takes to come back."""
        if not self._lost:
            self._console.print("\nthe connection broke off; waiting for the controller", style="yellow")
        self._lost = True

    def _say_start(self, fields: dict[str, Any]) -> None:
        if self.reply.thread_id:
            self._cut_off()
            self._console.print("the run was interrupted and goes on", style="yellow")
        elif fields["notice"]:
            self._console.print(fields["notice"], style="yellow", markup=False)
        self.reply.thread_id = fields["thread_id"]

    def _say_words(self, message_id: str, text: str) -> None:
        if _step(message_id) in self._whole:
            return
        if self._open != message_id:
            self._cut_off()
        self._open = message_id
        _write(text)

    def _end_words(self, message_id: str) -> None:
        if self._open == message_id:
            _write("\n")
            self._open = ""
        self._whole.add(_step(message_id))

    def _cut_off(self) -> None:
        """Words of a message that was never completed must not look like an answer."""
        if self._open:
            _write(" [cut off]\n")
        self._open = ""

    def _say_tool(self, kind: str, fields: dict[str, Any]) -> None:
        told = (kind, fields["step"])
        if told in self._tools:
            return
        self._tools.add(told)
        self._cut_off()
        if kind == "tool.started":
            arguments = orjson.dumps(fields["arguments"]).decode()
            self._console.print(f"> {fields['name']} {arguments}"[:MAX_SHOWN_CHARS], style="cyan", markup=False)
        elif fields["status"] == "error":
            self._console.print(f"  {fields['name']}: {_reason(fields['result'])}", style="red", markup=False)

    def _say_approval(self, fields: dict[str, Any]) -> None:
        self.reply.awaits_approval = True
        short = fields["intent_id"][:8]
        line = f"bin/pilothouse approvals approve {short}, or reject {short}"
        self._console.print(line, style="yellow", markup=False, soft_wrap=True)

    def _say_end(self, kind: str, fields: dict[str, Any]) -> None:
        self.reply.failed = kind != "run.finished"
        if kind == "run.failed":
            _say_failure(fields["error"], self._console)
        elif kind == "run.cancelled":
            kept = "what it did so far stays in the thread" if fields["kept"] else "nothing of it stays in the thread"
            self._console.print(f"cancelled: {kept}", style="yellow")
        else:
            self.reply.answer = fields["answer"]
            self._say_cost(fields)

    def _say_cost(self, fields: dict[str, Any]) -> None:
        cost = f"{fields['cost_usd']} USD{' (simulated)' if self._simulated else ''}"
        took = f"{time.monotonic() - self._started:.1f} s"
        line = f"— {' · '.join(filter(None, (took, self._served_by, cost)))} · thread {fields['thread_id']}"
        self._console.print(line, style="dim", markup=False, soft_wrap=True)


def _served_by(usage: dict[str, Any]) -> str:
    asked, served = usage["asked_model"], usage["served_model"]
    model = asked if served in ("", asked) else f"asked {asked}, served by {served}"
    provider = f" via {usage['provider']}" if usage["provider"] else ""
    return model + provider + (f" after {usage['attempts']} attempts" if usage.get("attempts", 1) > 1 else "")


@contextmanager
def _cancelled_by_ctrl_c(client: Client, run_id: str, console: Console) -> Generator[None]:
    """The first Ctrl-C cancels the run, whose end is then told as ever; the second leaves."""
    loop = asyncio.get_running_loop()
    asked: list[asyncio.Task[None]] = []

    def interrupt() -> None:
        if asked:
            raise KeyboardInterrupt
        console.print("\ncancelling the run; Ctrl-C again leaves at once", style="yellow")
        asked.append(loop.create_task(_cancel(client, run_id, console)))

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _cancel(client: Client, run_id: str, console: Console) -> None:
    try:
        await client.cancel(run_id)
    except PilothouseError as error:
        console.print(f"it could not be cancelled: {error.message}", style="red", markup=False)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()  # the rest goes to stderr, and must not come before it


def _step(message_id: str) -> str:
    """`think.1#2` is what the second attempt at step `think.1` says."""
    return message_id.partition("#")[0]


def _say_failure(error: dict[str, Any], console: Console) -> None:
    console.print(f"failed: {error['message']}", style="red", markup=False)
    if error["hint"]:
        console.print(f"→ {error['hint']}", style="yellow", markup=False)


def _reason(result: Any) -> str:
    said: Any = cast("dict[str, Any]", result).get("error") if isinstance(result, dict) else None
    return str(said["message"]) if said else "failed"
