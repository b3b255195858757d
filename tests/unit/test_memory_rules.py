"""The small rules of memory: whose it is, when to stop trying, what to try again."""

from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest

from memory.breaker import Breaker
from memory.extraction import delay_after, refused
from memory.scope import scope_of


@dataclass
class OwnTime:
    """A clock the test moves."""

    at_s: float = 0.0

    def __call__(self) -> float:
        return self.at_s


def test_a_scope_tells_nothing_of_the_user_and_depends_on_the_secret() -> None:
    scopes = {scope_of("*", secret="one"), scope_of("*", secret="two"), scope_of("ann", secret="one")}

    assert len(scopes) == 3
    assert all(len(scope) == 34 and scope.startswith("u_") and scope[2:].isalnum() for scope in scopes)


def test_the_breaker_opens_after_three_failures_and_tries_again_later() -> None:
    time = OwnTime()
    breaker = Breaker(clock_s=time)
    for _ in range(3):
        assert not breaker.is_open
        breaker.failed()
    assert breaker.is_open

    time.at_s = 15.0
    assert not breaker.is_open

    breaker.failed()
    assert breaker.is_open

    time.at_s = 30.0
    breaker.succeeded()
    breaker.failed()
    assert not breaker.is_open


@pytest.mark.parametrize(
    ("status", "for_good"), [(400, True), (404, True), (401, False), (402, False), (429, False), (503, False)]
)
def test_only_a_refusal_of_the_request_itself_is_for_good(status: int, *, for_good: bool) -> None:
    response: Any = httpx.Response(status, request=httpx.Request("POST", "http://proxy"))
    error = RuntimeError("extraction failed")
    error.__cause__ = openai.APIStatusError("no", response=response, body=None)

    assert refused(error) is for_good


def test_a_proxy_that_is_away_never_costs_a_turn() -> None:
    error = RuntimeError("extraction failed")
    request: Any = httpx.Request("POST", "http://proxy")
    error.__cause__ = openai.APIConnectionError(request=request)

    assert not refused(error)


def test_waiting_doubles_up_to_ten_minutes() -> None:
    assert [delay_after(attempts).total_seconds() for attempts in (0, 1, 5, 10, 10_000)] == [1, 2, 32, 600, 600]
