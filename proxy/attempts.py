"""Which call is made again, when, and what stops at once: the one place of Pilothouse that retries model calls.

Only a refusal is ever followed by another attempt: the provider says so with a status and a reason before a model
begins, or is never reached, and bills nothing. Whatever may have been billed (an answer that breaks off, a silence, a
gateway's own error page) is never asked for again. A model that goes on refusing is replaced by the next one that the
owner allows, if there is one; see `fallbacks.py`.
"""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import cached_property
from http import HTTPStatus
from typing import Any, TypeVar, cast

import orjson

from pilothouse import log
from pilothouse.clock import now

ATTEMPTS_A_MODEL = 3
FIRST_PAUSE_S = 0.5
NAME = re.compile(r"[\w.:+-]{1,100}")
IN_FLIGHT = "openrouter_in_flight_budget"  # too many calls at once; the only 402 that passes by itself

Answer = TypeVar("Answer")
logger = log.get_logger()


class Then(Enum):
    """What follows a refusal."""

    TRY_AGAIN = auto()
    TRY_AGAIN_OR_ANOTHER_MODEL = auto()
    STOP = auto()  # until the owner does something about the key, the money or the guardrail
    PASS_BACK = auto()  # it is about this request


POLICY: Mapping[int, Then] = {
    401: Then.STOP,  # our key
    402: Then.STOP,  # no money, or the call is too large for what is left
    403: Then.STOP,  # a guardrail's or a workspace's budget, until `resets_at`
    408: Then.TRY_AGAIN_OR_ANOTHER_MODEL,
    429: Then.TRY_AGAIN_OR_ANOTHER_MODEL,
    502: Then.TRY_AGAIN_OR_ANOTHER_MODEL,
    503: Then.TRY_AGAIN_OR_ANOTHER_MODEL,
}


# In our words: a provider's own may repeat a key or a prompt.
REASONS: Mapping[int, str] = {
    401: "it does not accept OPENROUTER_API_KEY",
    402: "there is no money left for such a call",
    403: "a budget that is set there is spent",
}


@dataclass(frozen=True)
class Refusal:
    """The provider's no, or that it was never reached."""

    status: int
    headers: Mapping[str, str]
    raw: bytes = b""
    reached: bool = True

    @property
    def may_be_billed(self) -> bool:
        """A gateway's own page is no refusal: the provider may have worked on behind it."""
        return self.reached and self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and self._told is None

    @property
    def metadata(self) -> dict[str, Any]:
        """Which limit, and until when."""
        told = (self._told or {}).get("metadata")
        return cast("dict[str, Any]", told) if isinstance(told, dict) else {}

    @property
    def then(self) -> Then:
        """The policy, and its exceptions."""
        source = self.metadata.get("limit_source")
        if self.may_be_billed:
            return Then.PASS_BACK
        if not self.reached or source == IN_FLIGHT:
            return Then.TRY_AGAIN
        if self.status == HTTPStatus.FORBIDDEN and not source:  # what the request says is not liked
            return Then.PASS_BACK
        return POLICY.get(self.status, Then.PASS_BACK)

    @cached_property
    def _told(self) -> dict[str, Any] | None:
        try:
            body: Any = orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            return None
        error = cast("dict[str, Any]", body).get("error") if isinstance(body, dict) else None
        if isinstance(error, str):
            return {"message": error}
        return cast("dict[str, Any]", error) if isinstance(error, dict) else None

    def retry_after_s(self, now: datetime) -> float | None:
        """`Retry-After`, in seconds or as a date."""
        said = self.headers.get("Retry-After", "")
        if said.isdecimal():
            return float(said)
        try:
            return max(0.0, (parsedate_to_datetime(said).astimezone(UTC) - now).total_seconds())
        except (ValueError, OverflowError):
            return None


NEVER_REACHED = Refusal(status=503, headers={}, reached=False)


@dataclass(frozen=True)
class Stop:
    """Why the provider lets nobody call, for the owner."""

    at: datetime
    status: int
    reason: str
    limit_source: str
    resets_at: str


class Attempts:
    """Makes a call until it is answered, is refused for good, or time is up."""

    def __init__(
        self,
        *,
        deadline_s: float,
        clock_s: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """No attempt begins later than `deadline_s` after the first."""
        self.stopped: Stop | None = None
        self._deadline_s = deadline_s
        self._clock_s = clock_s
        self._pause = pause
        self._jitter = jitter

    async def make(
        self, bodies: Sequence[bytes], send: Callable[[bytes], Awaitable[Answer | Refusal]]
    ) -> Answer | Refusal:
        """The answer, or the last refusal. `bodies`: the request as asked, then one for each other model allowed."""
        give_up_at_s = self._clock_s() + self._deadline_s
        result = await self._with_one_model(bodies[0], send, give_up_at_s)
        for body in bodies[1:]:
            other_model_helps = isinstance(result, Refusal) and result.then is Then.TRY_AGAIN_OR_ANOTHER_MODEL
            if not other_model_helps or self._clock_s() > give_up_at_s:
                break
            result = await self._with_one_model(body, send, give_up_at_s)
        self._remember(result)
        return result

    async def _with_one_model(
        self, body: bytes, send: Callable[[bytes], Awaitable[Answer | Refusal]], give_up_at_s: float
    ) -> Answer | Refusal:
        result = await send(body)
        for attempt in range(1, ATTEMPTS_A_MODEL):
            if not isinstance(result, Refusal) or result.then in (Then.STOP, Then.PASS_BACK):
                break
            pause_s = self._pause_s(attempt, result)
            if self._clock_s() + pause_s > give_up_at_s:
                break
            logger.info("model.retried", status=result.status, reached=result.reached, pause_s=round(pause_s, 2))
            await self._pause(pause_s)
            result = await send(body)
        return result

    def _pause_s(self, attempt: int, refusal: Refusal) -> float:
        """Never earlier than the provider says; a little apart from all others that were refused just now."""
        asked_s = refusal.retry_after_s(now())
        if asked_s is not None:
            return asked_s + FIRST_PAUSE_S * self._jitter()
        return FIRST_PAUSE_S * 2 ** (attempt - 1) * (0.5 + self._jitter() / 2)

    def _remember(self, result: object) -> None:
        if not isinstance(result, Refusal):
            self.stopped = None
        elif result.then is Then.STOP:
            self.stopped = _stop(result)
            told = {"status": self.stopped.status, "limit_source": self.stopped.limit_source}
            logger.error("model.stopped", **told, reason=self.stopped.reason, resets_at=self.stopped.resets_at)


def _stop(refusal: Refusal) -> Stop:
    return Stop(
        at=now(),
        status=refusal.status,
        reason=REASONS[refusal.status],
        limit_source=_name(refusal.metadata.get("limit_source")),
        resets_at=_name(refusal.metadata.get("resets_at")),
    )


def _name(value: Any) -> str:
    return value if isinstance(value, str) and NAME.fullmatch(value) else ""
