"""The last line of an answer in the terminal: who served it, how hard that was, and what it cost."""

import io
from typing import Any

import pytest
from rich.console import Console

from api.cli.client import Event
from api.cli.talk import Teller

USAGE: dict[str, Any] = {"asked_model": "some/model", "served_model": "some/model", "provider": "Some"}
FINISHED = {"answer": "Yes.", "cost_usd": "0.5", "thread_id": "a-thread"}


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (USAGE, "some/model via Some · 0.5 USD"),
        (USAGE | {"attempts": 3}, "some/model via Some after 3 attempts"),
        (USAGE | {"served_model": "other/model"}, "asked some/model, served by other/model via Some"),
        (USAGE | {"served_model": "", "provider": ""}, "· some/model · 0.5 USD"),
        (USAGE | {"provider": "Pilothouse Twin"}, "0.5 USD (simulated)"),
    ],
)
def test_it_says_asked_served_provider_attempts_and_cost(usage: dict[str, Any], said: str) -> None:
    shown = io.StringIO()
    teller = Teller(Console(file=shown, width=300))

    teller.tell(Event(1, "usage.recorded", usage))
    teller.tell(Event(2, "run.finished", FINISHED))

    assert said in shown.getvalue()
    assert "thread a-thread" in shown.getvalue()
