"""One question over HTTP, shown as it is answered: words on stdout, everything else on stderr."""

import sys
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import orjson
from rich.console import Console

from pilothouse.errors import BadInputError, PilothouseError, UnavailableError

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)
MAX_SHOWN_CHARS = 160

Told = tuple[str, dict[str, Any]]  # event type, its fields


@dataclass
class Reply:
    """How a question ended."""

    thread_id: str = ""
    answer: str = ""
    failed: bool = False


def checked(message: str) -> str:
    """The message, or a clear word on what is wrong with it, before anything is started."""
    try:
        message.encode()
    except UnicodeEncodeError as error:
        raise BadInputError("the message is not valid UTF-8", hint="check your terminal's encoding") from error
    if not message.strip():
        raise BadInputError("the message is empty", hint='bin/pilothouse ask "How is my bot doing?"')
    return message


async def ask(url: str, key: str, *, message: str, thread_id: str | None) -> AsyncGenerator[Told]:
    """The run's events, from `POST /api/chat`."""
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    body = {"message": message, **({"thread_id": thread_id} if thread_id else {})}
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, read_bufsize=1_000_000) as session,
            session.post(f"{url}/api/chat", json=body, headers=headers) as response,
        ):
            if response.status != 200:  # noqa: PLR2004 -- the HTTP status
                raise _refused(await response.json())
            async for told in _events(response):
                yield told
    except aiohttp.ClientConnectorError as error:
        raise UnavailableError(f"nothing answers at {url}", hint="bin/pilothouse up") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        hint = "the run goes on; look at its thread, or ask again"
        raise UnavailableError("the connection to the controller broke off", hint=hint) from error


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[Told]:
    kind = ""
    async for raw in response.content:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, orjson.loads(value)


def _refused(body: dict[str, Any]) -> PilothouseError:
    error = body["error"]
    return PilothouseError(error["message"], hint=error["hint"])


async def show(told: AsyncGenerator[Told], *, console: Console) -> Reply:
    """Print a run as it happens; `console` writes to stderr."""
    reply, started = Reply(), time.monotonic()
    async for kind, fields in told:
        if kind == "run.started":
            reply.thread_id = fields["thread_id"]
            if fields["notice"]:
                console.print(f"[yellow]{fields['notice']}[/yellow]")
        elif kind == "message.delta":
            sys.stdout.write(fields["text"])
            sys.stdout.flush()
        elif kind == "message.completed":
            sys.stdout.write("\n")
            sys.stdout.flush()  # the rest goes to stderr, and must not come before it
        elif kind == "tool.started":
            arguments = orjson.dumps(fields["arguments"]).decode()
            console.print(f"> {fields['name']} {arguments}"[:MAX_SHOWN_CHARS], style="cyan", markup=False)
        elif kind == "tool.finished" and fields["status"] == "error":
            reason = _reason(fields["result"])
            console.print(f"  {fields['name']}: {reason}", style="red", markup=False, soft_wrap=True)
        elif kind == "run.finished":
            reply.answer = fields["answer"]
            _show_end(fields, seconds=time.monotonic() - started, console=console)
        elif kind == "run.failed":
            reply.failed = True
            _show_failure(fields["error"], console)
    return reply


def _show_end(fields: dict[str, Any], *, seconds: float, console: Console) -> None:
    line = f"— {seconds:.1f} s · {fields['cost_usd']} USD · thread {fields['thread_id']}"
    console.print(line, style="dim", markup=False, soft_wrap=True)


def _show_failure(error: dict[str, Any], console: Console) -> None:
    console.print(f"failed: {error['message']}", style="red", markup=False, soft_wrap=True)
    if error["hint"]:
        console.print(f"→ {error['hint']}", style="yellow", markup=False, soft_wrap=True)


def _reason(result: Any) -> str:
    said: Any = cast("dict[str, Any]", result).get("error") if isinstance(result, dict) else None
    return str(said["message"]) if said else "failed"
