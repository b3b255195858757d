"""The tools the agent may be offered: name, argument model, risk. Policy reads this, never the model's words."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

Risk = Literal["reads", "writes"]


@dataclass(frozen=True)
class Call:
    """Who calls, and under which key: the same call repeated after a crash carries the same key."""

    user_id: str
    run_id: str
    thread_id: str
    key: str  # run id + the call's place in the run
    tainted: bool  # its thread holds text that others wrote, so what is stored for it does too
    taint: Callable[[], Awaitable[None]]  # mark the thread, before returning stored text of others


@dataclass(frozen=True)
class Awaited:
    """An intent that a tool has proposed and that is not over: the thread will be told what becomes of it."""

    intent_id: str
    summary: str
    expires_at: str


@dataclass(frozen=True)
class Tool:
    """One thing the agent can do. `run` takes the call and validated arguments, returns JSON-ready data."""

    name: str
    description: str
    arguments: type[BaseModel]
    run: Callable[[Call, Any], Awaitable[Any]]
    risk: Risk
    taints: bool = False  # its output always carries text that others wrote
    awaits: Callable[[Any], Awaited | None] | None = None  # what a result of it waits for
    forgets: bool = False  # a turn that calls it names what is to be gone: memory is not handed that turn
    repeatable: bool = True  # the same call with the same key has one effect; otherwise it is made at most once


Tools = Sequence[Tool]
