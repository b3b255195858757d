"""Works off the queue of turns. Not on anyone's request path: a slow or dead provider delays memories, never a chat."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import openai

from memory.queue import Claim, Queue
from memory.records import Turn
from pilothouse import log

POLL_S = 2.0
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 600.0
REFUSALS_TO_PARK = 5
MAY_PASS = {401, 402, 403, 408, 429}  # keys and budgets get mended, rates ease
NOT_WHOLE = 406  # the proxy's: an answer came, and must not be used
COMES_AGAIN = ("length", "content_filter", "finish_reason", "tool_call")  # why: for what is asked, not for what broke

Extract = Callable[[Turn], Awaitable[None]]


class Extraction:
    """The work of one worker or several."""

    def __init__(self, queue: Queue, extract: Extract) -> None:
        self._queue = queue
        self._extract = extract
        self._news = asyncio.Event()
        self._said = ""

    def wake(self) -> None:
        """A turn was queued: look now."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._news.clear()
            try:
                worked = await self._step()
            except Exception as error:  # noqa: BLE001 -- the run loop: a queue that is away comes back
                self._note("turns.not_read", error)
                worked = False
            if not worked:
                await self._wait()

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), POLL_S)
        except TimeoutError:
            return

    async def _step(self) -> bool:
        async with self._queue.claim() as claim:
            self._said = ""
            if claim is None:
                return False
            try:
                await self._extract(claim.turn)
            except Exception as error:  # noqa: BLE001 -- the run loop: providers, Mem0 and the engine raise what they like
                await self._give_back(claim, error)
                return False
            await claim.finish()
        return True

    async def _give_back(self, claim: Claim, error: Exception) -> None:
        said = self._note("turn.failed", error, turn_id=str(claim.turn.id), attempts=claim.turn.attempts + 1)
        if refused(error) and claim.turn.attempts + 1 >= REFUSALS_TO_PARK:
            await claim.park(error=said)
            return
        await claim.postpone(delay_after(claim.turn.attempts), error=said)

    def _note(self, event: str, error: Exception, **fields: object) -> str:
        """Class and cause only, as a provider's message may quote what a person said; and not the same line forever."""
        cause = f" from {type(error.__cause__).__name__}" if error.__cause__ else ""
        said = f"{type(error).__name__}{cause}"
        if said != self._said:
            log.get_logger().warning(event, error=said, **fields)
        self._said = said
        return said


def refused(error: Exception) -> bool:
    """Whether the model will refuse this again: asking forever would cost money each time."""
    cause = error if isinstance(error, openai.APIStatusError) else error.__cause__
    if not isinstance(cause, openai.APIStatusError):
        return False
    if cause.status_code == NOT_WHOLE:
        return _reason(cause.body) in COMES_AGAIN
    return 400 <= cause.status_code < 500 and cause.status_code not in MAY_PASS  # noqa: PLR2004 -- the HTTP statuses of the caller's fault


def _reason(error: Any) -> str:
    try:
        return str(error["metadata"]["reason"])
    except (KeyError, TypeError):
        return ""


def delay_after(attempts: int) -> timedelta:
    """Doubles up to ten minutes."""
    return timedelta(seconds=min(FIRST_DELAY_S * 2 ** min(attempts, 20), LONGEST_DELAY_S))
