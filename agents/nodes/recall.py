"""Bring back what we know that touches the question, and let go of turns that are long ago."""

from langchain_core.messages import HumanMessage, RemoveMessage

from agents.deps import Deps, RunContext
from agents.state import State, Update
from agents.window import overflow
from tools.memory import render_memories

LIMIT = 8


async def recall(state: State, deps: Deps, run: RunContext) -> Update:
    """A memory outage never blocks a chat: the search has a deadline and gives nothing."""
    question = next((message.text for message in reversed(state["messages"]) if isinstance(message, HumanMessage)), "")
    found = await deps.memory.search(user_id=run.user_id, query=question, limit=LIMIT)
    if any(memory.tainted for memory in found):
        await run.taint()
    gone = overflow(state["messages"])
    return {
        "messages": [RemoveMessage(id=str(message.id)) for message in gone],
        "left_out": state.get("left_out", 0) + len(gone),
        "memories": render_memories(found),
        "recalled": [memory.id for memory in found],
        "rounds": 0,
    }
