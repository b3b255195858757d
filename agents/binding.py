"""Gives a node its deps and its run, and reports when it starts and ends."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from langgraph.runtime import Runtime
from langgraph.types import Command

from agents.deps import Deps, RunContext
from agents.events import NodeFinished, NodeStarted
from agents.state import Update

Given = TypeVar("Given")
Node = Callable[[Given, Deps, RunContext], Awaitable[Update | Command[str]]]


def bind(node: Node[Given], deps: Deps) -> Callable[[Given, Runtime[RunContext]], Awaitable[Update | Command[str]]]:
    """The node as LangGraph calls it; its name is the function's own."""

    async def bound(given: Given, runtime: Runtime[RunContext]) -> Update | Command[str]:
        run = runtime.context
        started = time.monotonic()
        run.emit(NodeStarted(node=node.__name__))
        update = await node(given, deps, run)
        run.emit(NodeFinished(node=node.__name__, duration_ms=round((time.monotonic() - started) * 1000)))
        return update

    return bound
