"""The rehearsal model: rules instead of a language model, so that everything can be walked through without a key.

It reads only the user's question and tool results as data; words inside a result never make it call anything.
"""

import json

from simulators.openrouter import answers, contradictions, extraction, intents, notes, schemas
from simulators.openrouter.conversation import Conversation
from simulators.openrouter.reply import Reply, ToolCall

HELP = (
    "I am the rehearsal model: I follow rules and understand a few things only. Ask how your bot is doing, for "
    'profit, balance, candles or "what did we learn about BTC/USDT"; say "remember that ...", "forget that ...", '
    '"what did I tell you about ..."; ask what you spent, propose a trade, or run a workflow. '
    "(rehearsal model: set OPENROUTER_API_KEY for a real one)"
)


def answer(conversation: Conversation) -> Reply:
    """Call the tools the question asks for; once they answered, say what they said."""
    for rules in (extraction, contradictions):
        if rules.is_asked(conversation.system):
            return Reply(rules.answer(conversation.question))
    if conversation.forced in conversation.tools:
        return Reply(
            calls=(ToolCall.of(conversation.forced, **schemas.sample(conversation.tools[conversation.forced])),)
        )
    if conversation.wanted is not None:
        return Reply(json.dumps(schemas.sample(conversation.wanted)))
    wanted = intents.wanted(conversation)
    missing = [call for call in wanted if call.name not in conversation.tools]
    if conversation.results:
        return _go_on(conversation, missing)
    calls = tuple(call for call in wanted if call.name in conversation.tools)
    if calls:
        return Reply(calls=calls)
    return Reply("\n\n".join(_regrets(conversation, missing)) or _without_tools(conversation))


def conclude(conversation: Conversation) -> Reply:
    """End the turn in plain words, whatever was asked."""
    return Reply(answers.tell(conversation) if conversation.results else HELP)


def _go_on(conversation: Conversation, missing: list[ToolCall]) -> Reply:
    """Take the second step of a wish that has two; else tell what the tools said."""
    if second := notes.follow(conversation):
        return Reply(calls=tuple(second))
    return Reply("\n\n".join([answers.tell(conversation), *_regrets(conversation, missing)]))


def _regrets(conversation: Conversation, missing: list[ToolCall]) -> list[str]:
    names = dict.fromkeys(call.name for call in missing)
    return [_regret(conversation, name) for name in names]


def _regret(conversation: Conversation, name: str) -> str:
    if name == "memory_search" and conversation.memories:
        return answers.tell_memories(conversation)
    if name == "freqtrade_propose_trade":
        return "No trading tool is offered to me here, so I cannot propose a trade."
    return f"That needs the tool {name}, which is not offered to me here."


def _without_tools(conversation: Conversation) -> str:
    asks_price = any(
        intent.name == "candles" and intent.says.search(conversation.question) for intent in intents.INTENTS
    )
    return "Which pair? For example: candles ETH/USDT." if asks_price else HELP
