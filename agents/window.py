"""How much of a thread a model is sent: the newest turns, whole, within a budget."""

from collections.abc import Sequence

from langchain_core.messages import AnyMessage, HumanMessage

from agents.messages import pending_calls

MAX_MESSAGES = 60
MAX_CHARACTERS = 100_000  # about 25,000 tokens of English


def overflow(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The oldest turns, when all of them are too much; the newest turn always stays.

    Half is let go at once, so that the beginning of what is sent stays the same for many turns: providers cache it.
    """
    if _fits(messages, share=1):
        return []
    starts = [index for index, message in enumerate(messages) if isinstance(message, HumanMessage)]
    kept = next((start for start in starts if _fits(messages[start:], share=2)), starts[-1])
    return list(messages[:kept])


def _fits(messages: Sequence[AnyMessage], *, share: int) -> bool:
    characters = sum(_length(message) for message in messages)
    return len(messages) <= MAX_MESSAGES // share and characters <= MAX_CHARACTERS // share


def _length(message: AnyMessage) -> int:
    return len(message.text) + sum(len(call["arguments"]) for call in pending_calls(message))
