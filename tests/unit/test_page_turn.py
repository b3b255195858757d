"""What the page shows of a run's events."""

from typing import Any, get_args

import pytest

from agents.events import ENDS, Event
from tests.fixtures.page_scripts import show
from tests.unit.test_page import STATIC

STARTED: dict[str, Any] = {"type": "run.started"}
USAGE: dict[str, Any] = {"type": "usage.recorded", "step": "think.0", "asked_model": "m", "prompt_tokens": 40}
FINISHED: dict[str, Any] = {"type": "run.finished", "answer": "Good morning", "cost_usd": "0.01"}


async def test_words_that_were_cut_off_are_dropped_when_another_attempt_says_them_again() -> None:
    shown = await show(
        [
            STARTED,
            {"type": "message.delta", "message_id": "think.0#1", "text": "Good mo"},
            STARTED,
            {"type": "message.delta", "message_id": "think.0#2", "text": "Good morning"},
            {"type": "message.completed", "message_id": "think.0#2", "text": "Good morning"},
            FINISHED,
        ]
    )

    assert shown == ["Good morning"]


async def test_what_two_attempts_tell_of_one_step_is_shown_and_counted_once() -> None:
    call: dict[str, Any] = {"step": "think.0.1", "tool_call_id": "a", "name": "memory_save", "arguments": {}}
    told = [STARTED, USAGE, {"type": "tool.started", **call}, {"type": "tool.finished", **call, "status": "ok"}]

    shown = await show([*told, *told, FINISHED])

    assert [line for line in shown if "memory_save" in line] == ["memory_savedoneArguments{}Result"]
    assert shown[-1] == "m · 40 tokens · $0.01"


async def test_a_call_that_was_refused_before_it_was_answered_is_shown_with_who_served_it_at_last() -> None:
    served = USAGE | {"served_model": "other/m", "provider": "Some", "attempts": 3}

    shown = await show([STARTED, served, FINISHED])

    assert shown[-1] == "asked m, served by other/m via Some after 2 retries · 40 tokens · $0.01"


async def test_two_calls_to_which_the_model_gave_the_same_id_are_two() -> None:
    shown = await show(
        [
            {"type": f"tool.{what}", "step": step, "tool_call_id": "a", "name": step, "status": "ok", "result": step}
            for step in ("first", "second")
            for what in ("started", "finished")
        ]
    )

    assert [line.partition("done")[0] for line in shown[:2]] == ["first", "second"]


@pytest.mark.parametrize(("kept", "said"), [(True, "stays in the thread"), (False, "Nothing of it stays")])
async def test_a_cancelled_run_is_told_as_cancelled_with_what_it_had_said(*, kept: bool, said: str) -> None:
    shown = await show(
        [
            STARTED,
            {"type": "message.delta", "message_id": "think.0#1", "text": "Good mo"},
            {"type": "run.cancelled", "kept": kept},
        ]
    )

    assert shown[0] == "Good mo"
    assert "Cancelled" in shown[1]
    assert said in shown[1]


async def test_a_failed_run_says_why_and_what_to_do() -> None:
    shown = await show([STARTED, {"type": "run.failed", "error": {"message": "cut off", "hint": "ask again"}}])

    assert shown == ["cut offask again"]


def test_the_page_knows_every_event_and_every_end() -> None:
    kinds = {get_args(each.model_fields["type"].annotation)[0] for each in get_args(get_args(Event)[0])}

    turn, run = (STATIC / "turn.js").read_text(), (STATIC / "run.js").read_text()

    assert [kind for kind in kinds if f'"{kind}":' not in turn] == []
    assert f"ENDS = {list(ENDS)}".replace("'", '"') in run
