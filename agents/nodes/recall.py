"""Bring back what we know that touches the question."""

from langchain_core.messages import HumanMessage

from agents.deps import Deps, RunContext
from agents.state import State, Update
from tools.memory import render_memories

LIMIT = 8


async def recall(state: State, deps: Deps, run: RunContext) -> Update:
    """A memory outage never blocks a chat: the search has a deadline and gives nothing."""
    question = next((message.text for message in reversed(state["messages"]) if isinstance(message, HumanMessage)), "")
    found = await deps.memory.search(user_id=run.user_id, query=question, limit=LIMIT)
    return {"memories": render_memories(found), "rounds": 0}
