"""What the proxy asks for again, when, and what it never does: the error table, with a clock of the test's own."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest

from proxy.attempts import NEVER_REACHED, Attempts, Refusal

ASKED = b"the asked model"
OTHER = b"another model"


def refusal(status: int, *, retry_after: str = "", **metadata: str) -> Refusal:
    """As OpenRouter words it."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    return Refusal(status, headers, orjson.dumps({"error": {"code": status, "message": "no", "metadata": metadata}}))


class Far:
    """A provider that says what it was told to, and a clock that only moves while the proxy pauses."""

    def __init__(self, *says: Refusal | str, deadline_s: float = 60, jitter: float = 0) -> None:
        self.says = list(says)
        self.asked: list[bytes] = []
        self.pauses_s: list[float] = []
        self.attempts = Attempts(
            deadline_s=deadline_s, clock_s=lambda: sum(self.pauses_s), pause=self._pause, jitter=lambda: jitter
        )

    async def call(self, bodies: Sequence[bytes] = (ASKED,)) -> Refusal | str:
        """One call of a client."""
        return await self.attempts.make(bodies, self._send)

    async def _send(self, body: bytes) -> Refusal | str:
        self.asked.append(body)
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    async def _pause(self, pause_s: float) -> None:
        self.pauses_s.append(pause_s)


@pytest.mark.parametrize(
    "passing",
    [
        refusal(408),
        refusal(429),
        refusal(502),
        refusal(503),
        refusal(402, limit_source="openrouter_in_flight_budget"),
        NEVER_REACHED,
    ],
)
async def test_what_passes_by_itself_is_asked_for_again(passing: Refusal) -> None:
    far = Far(passing, passing, "an answer")

    assert await far.call() == "an answer"

    assert len(far.asked) == 3


@pytest.mark.parametrize(
    "lasting",
    [
        refusal(400),
        refusal(401),
        refusal(402, limit_source="openrouter_credits"),
        refusal(402, limit_source="openrouter_key_limit"),
        refusal(402),
        refusal(403, limit_source="openrouter_guardrail_budget"),
        refusal(403),
        refusal(404),
        refusal(500),
        refusal(504),
        refusal(302),
    ],
)
async def test_what_does_not_pass_by_itself_is_asked_for_once_and_of_no_other_model(lasting: Refusal) -> None:
    far = Far(lasting, "an answer")

    assert await far.call([ASKED, OTHER]) is lasting

    assert far.asked == [ASKED]
    assert far.pauses_s == []


async def test_a_provider_that_goes_on_refusing_is_asked_three_times_with_growing_pauses() -> None:
    far = Far(refusal(502))

    assert await far.call() == refusal(502)

    assert len(far.asked) == 3
    assert far.pauses_s == [0.25, 0.5]


async def test_retry_after_is_waited_for_and_never_undercut() -> None:
    far = Far(refusal(429, retry_after="7"), refusal(429, retry_after="7"), "an answer", jitter=0.5)

    assert await far.call() == "an answer"

    assert far.pauses_s == [7.25, 7.25]


async def test_retry_after_may_be_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    far = Far(refusal(429, retry_after=at), "an answer")

    await far.call()

    assert 15 < far.pauses_s[0] <= 20


@pytest.mark.parametrize("odd", ["soon", "-3", "1e9", "Mon, 99 Foo 2026"])
async def test_a_retry_after_that_means_nothing_is_taken_as_none(odd: str) -> None:
    far = Far(refusal(429, retry_after=odd), "an answer")

    assert await far.call() == "an answer"

    assert far.pauses_s == [0.25]


async def test_no_attempt_begins_after_the_deadline() -> None:
    far = Far(refusal(429, retry_after="40"), deadline_s=60)

    await far.call()

    assert far.pauses_s == [40]
    assert len(far.asked) == 2


async def test_a_wait_longer_than_the_deadline_is_not_begun() -> None:
    far = Far(refusal(429, retry_after="61"), deadline_s=60)

    assert await far.call() == refusal(429, retry_after="61")

    assert (len(far.asked), far.pauses_s) == (1, [])


@pytest.mark.parametrize("status", [408, 429, 502, 503])
async def test_a_model_that_goes_on_refusing_is_replaced_by_the_next_allowed_one(status: int) -> None:
    far = Far(refusal(status), refusal(status), refusal(status), "an answer")

    assert await far.call([ASKED, OTHER]) == "an answer"

    assert far.asked == [ASKED, ASKED, ASKED, OTHER]


async def test_another_model_is_asked_at_once_when_the_wait_would_be_too_long() -> None:
    far = Far(refusal(429, retry_after="3600"), "an answer")

    assert await far.call([ASKED, OTHER]) == "an answer"

    assert (far.asked, far.pauses_s) == ([ASKED, OTHER], [])


@pytest.mark.parametrize("passing", [NEVER_REACHED, refusal(402, limit_source="openrouter_in_flight_budget")])
async def test_no_other_model_is_asked_for_what_is_not_the_models_fault(passing: Refusal) -> None:
    far = Far(passing)

    assert await far.call([ASKED, OTHER]) is passing

    assert OTHER not in far.asked


async def test_what_stops_everybody_is_kept_for_the_owner_until_a_call_is_answered() -> None:
    spent = refusal(403, limit_source="openrouter_guardrail_budget", resets_at="2026-12-01T00:00:00Z")
    far = Far(spent, "an answer")

    await far.call()
    stopped = far.attempts.stopped
    await far.call()

    assert stopped is not None
    assert (stopped.status, stopped.limit_source) == (403, "openrouter_guardrail_budget")
    assert stopped.resets_at == "2026-12-01T00:00:00Z"
    assert far.attempts.stopped is None


async def test_a_request_that_is_refused_for_what_it_says_stops_nobody_else() -> None:
    far = Far(refusal(403, patterns="ignore all previous instructions"))

    await far.call()

    assert far.attempts.stopped is None


async def test_what_is_kept_of_a_stop_is_in_our_words_as_the_providers_may_repeat_a_key() -> None:
    said = {"message": "no such key: sk-or-secret", "metadata": {"limit_source": "sk-or-secret is wrong"}}
    far = Far(Refusal(401, {}, orjson.dumps({"error": said})))

    await far.call()

    assert "OPENROUTER_API_KEY" in str(far.attempts.stopped)
    assert "secret" not in str(far.attempts.stopped)
