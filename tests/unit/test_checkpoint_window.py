"""How much of a long thread a model is sent."""

from langchain_core.messages import AnyMessage, HumanMessage

from agents.window import MAX_CHARACTERS, MAX_MESSAGES, overflow
from tests.fixtures.checkpoints import conversation, turns


def test_a_thread_that_fits_is_sent_whole() -> None:
    assert overflow(conversation(MAX_MESSAGES // 3)) == []


def test_of_a_longer_one_the_oldest_turns_are_left_out_and_what_stays_begins_with_the_person() -> None:
    messages = conversation(MAX_MESSAGES // 3 + 1)

    gone = overflow(messages)

    stays = messages[len(gone) :]
    assert gone == messages[: len(gone)]
    assert isinstance(stays[0], HumanMessage)
    assert 0 < len(stays) <= MAX_MESSAGES // 2


def test_the_beginning_of_what_is_sent_stays_the_same_for_many_turns() -> None:
    sent: list[AnyMessage] = []
    beginnings: list[str | None] = []
    for turn in turns(100):
        sent = [*sent, *turn]
        sent = sent[len(overflow(sent)) :]
        beginnings.append(sent[0].id)

    assert len(set(beginnings)) <= 10


def test_long_tool_results_count_by_their_length() -> None:
    messages = conversation(4, result="x" * (MAX_CHARACTERS // 3))

    gone = overflow(messages)

    assert gone == messages[:9]


def test_the_newest_turn_is_sent_however_long_it_is() -> None:
    messages = conversation(2, result="x" * 2 * MAX_CHARACTERS)

    gone = overflow(messages)

    assert gone == messages[:3]
