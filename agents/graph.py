"""The controller's graph: recall -> think <-> act -> remember, and await_approval. The whole picture on one screen."""

from collections.abc import Callable
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from agents.binding import bind
from agents.deps import Deps, RunContext
from agents.messages import pending_calls
from agents.nodes.act import act
from agents.nodes.await_approval import await_approval
from agents.nodes.recall import recall
from agents.nodes.remember import remember
from agents.nodes.think import think
from agents.state import SentCall, State

Controller = CompiledStateGraph[State, RunContext, State, State]


def build_graph(deps: Deps) -> Controller:
    """Compiled without a checkpointer; a run gives it its own (see `agents/checkpoints.py`)."""
    return _wire(lambda node: bind(node, deps)).compile()


def draw_graph() -> str:
    """The same graph as Mermaid text; needs no deps."""
    return _wire(lambda node: node).compile().get_graph().draw_mermaid()


def _wire(bound: Callable[[Any], Any]) -> Any:
    graph: Any = StateGraph(State, context_schema=RunContext)  # Any: add_node's overloads defeat strict typing
    graph.add_node("recall", bound(recall))
    graph.add_node("think", bound(think))
    graph.add_node("act", bound(act), input_schema=SentCall, destinations=("think", "await_approval"))
    graph.add_node("await_approval", bound(await_approval), destinations=("act", "think", END))
    graph.add_node("remember", bound(remember))
    graph.add_edge(START, "recall")
    graph.add_conditional_edges("recall", after_recalling, ["think", "await_approval"])
    graph.add_conditional_edges("think", after_thinking, ["act", "remember"])
    graph.add_edge("remember", END)
    return graph


async def after_recalling(state: State) -> str:
    """A run that tells what became of an intent asks the broker first."""
    return "await_approval" if state.get("tells_of") else "think"


async def after_thinking(state: State) -> list[Send] | str:
    """Each tool call becomes a task of its own, so a crash repeats at most that call.

    Asynchronous although it waits for nothing: LangGraph runs plain functions in a thread.
    """
    calls = pending_calls(state["messages"][-1])
    beside = [call["name"] for call in calls]
    return [Send("act", {**call, "beside": beside}) for call in calls] if calls else "remember"
