"""/api/memories: what is remembered of you, to look into and to change. Changing it needs a person's key.

Whose memories: always those of the key's user; anybody else's do not exist here.
"""

from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.access import Key, needs
from api.refusals import refusals
from api.repeats import IdempotencyKey
from api.requests import STRICT
from tools.memory_answers import MemoryEvent
from tools.memory_client import Kind, Memory, MemoryClient, State, Subject
from tools.memory_why import FindAsked, Why, explain

router = APIRouter(prefix="/api/memories", tags=["memories"], dependencies=STRICT)

REFUSALS = refusals(
    {
        403: "the key lacks the scope; 'memory:write' is for people's keys only",
        404: "no such memory of yours",
        503: "memory or the database cannot be reached, or a search was late",
        504: "memory did not answer in time",
    }
)
MAX_PAGE = 500  # as many as memory gives


async def memory(request: Request) -> MemoryClient:
    """The client the tools use too."""
    return request.app.state.memory


Reader = Annotated[Key, Depends(needs("memory:read"))]
Person = Annotated[Key, Depends(needs("memory:write"))]
Remembered = Annotated[MemoryClient, Depends(memory)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Strategy = Annotated[str | None, Query(max_length=100)]
Pair = Annotated[str | None, Query(max_length=40, examples=["ETH/USDT"])]
Since = Annotated[AwareDatetime | None, Query(description="said, or about a time, not before")]
Until = Annotated[AwareDatetime | None, Query(description="said, or about a time, not after")]


class NewMemory(BaseModel):
    """What is to be remembered, in your own words."""

    model_config = ConfigDict(extra="forbid")

    text: Words = Field(examples=["I never want more than three open trades"])
    kind: Literal["note", "decision", "backtest", "outcome"] = "note"
    expires_at: AwareDatetime | None = Field(default=None, description="then it is told to no model any more")
    subject: Subject | None = Field(default=None, description="which strategy, pair and time it is about, with figures")


class Change(BaseModel):
    """Your words for what is kept. `expires_at`: left out it stays what it was, null is forever."""

    model_config = ConfigDict(extra="forbid")

    text: Words
    expires_at: AwareDatetime | None = None


class HistoryView(BaseModel):
    """What became of one memory."""

    events: list[MemoryEvent]


class SavedView(BaseModel):
    """What became of it. `duplicate`: it was known; the id is that of what was known."""

    id: UUID
    text: str
    state: State
    duplicate: bool


class Search(BaseModel):
    """A question to memory, as the agent asks it."""

    model_config = ConfigDict(extra="forbid")

    query: Question = Field(examples=["open trades"])
    limit: int = Field(default=8, ge=1, le=50)
    kind: Kind | None = None
    strategy: str | None = Field(default=None, max_length=100)
    pair: str | None = Field(default=None, max_length=40)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class FoundView(BaseModel):
    """Best first."""

    memories: list[Memory]


class PageView(FoundView):
    """Newest first; `next` is what to ask for as `after` to get more."""

    next: str | None = Field(description="null: there are no more")


@router.get("", responses=REFUSALS)
async def list_memories(
    key: Reader,
    memory: Remembered,
    *,
    state: State | None = None,
    kind: Kind | None = None,
    strategy: Strategy = None,
    pair: Pair = None,
    since: Since = None,
    until: Until = None,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> PageView:
    """Everything that is kept of you, told to models or not, newest first."""
    about = {"state": state, "kind": kind, "strategy": strategy, "pair": pair, "since": since, "until": until}
    memories, following = await memory.page(user_id=key.user_id, after=after, limit=limit, **about)
    return PageView(memories=list(memories), next=following)


@router.post("", status_code=201, responses=REFUSALS)
async def add_memory(
    key: Person, memory: Remembered, response: Response, body: NewMemory, idempotency_key: IdempotencyKey = None
) -> SavedView:
    """Remember this; 200 instead of 201 if the same words were known."""
    saved = await memory.save(
        user_id=key.user_id,
        text=body.text,
        key=f"api:{idempotency_key or uuid4()}",
        tainted=False,
        source={"kind": "person"},
        kind=body.kind,
        expires_at=body.expires_at,
        subject=body.subject.model_dump(mode="json") if body.subject else None,
    )
    response.status_code = 200 if saved["duplicate"] else 201
    return SavedView.model_validate(saved)


@router.post("/search", responses=REFUSALS)
async def search_memories(key: Reader, memory: Remembered, body: Search) -> FoundView:
    """What the agent would find. Late or broken, it is an error: "nothing found" would be untrue."""
    return FoundView(memories=list(await memory.find(user_id=key.user_id, **body.model_dump())))


@router.get("/{memory_id}", responses=REFUSALS)
async def get_memory(key: Reader, memory: Remembered, memory_id: UUID) -> Memory:
    """One memory of yours, whatever its state."""
    return await memory.get(user_id=key.user_id, memory_id=str(memory_id))


@router.patch("/{memory_id}", responses=REFUSALS | refusals({409: "the same words are kept already"}))
async def change_memory(key: Person, memory: Remembered, memory_id: UUID, body: Change) -> Memory:
    """Put it right in your words. The old ones stay in its history; what was marked as tainted stays so."""
    change = body.model_dump(exclude_unset=True)
    return await memory.edit(user_id=key.user_id, memory_id=str(memory_id), **change)


@router.post("/{memory_id}/restore", responses=REFUSALS)
async def restore_memory(key: Person, memory: Remembered, memory_id: UUID) -> Memory:
    """Let the agent be told a superseded memory again; the newer one stays too."""
    return await memory.restore(user_id=key.user_id, memory_id=str(memory_id))


@router.get("/{memory_id}/history", responses=REFUSALS)
async def get_history(key: Reader, memory: Remembered, memory_id: UUID) -> HistoryView:
    """What became of it, oldest first."""
    return HistoryView(events=list(await memory.history(user_id=key.user_id, memory_id=str(memory_id))))


@router.get("/{memory_id}/why", responses=REFUSALS)
async def why(request: Request, key: Reader, memory: Remembered, memory_id: UUID) -> Why:
    """Why it is known: the source, and the run that it came from with what you asked there."""
    find_asked: FindAsked = request.app.state.find_asked
    return await explain(memory, find_asked, user_id=key.user_id, memory_id=str(memory_id))


@router.post("/{memory_id}/admit", responses=REFUSALS)
async def admit_memory(key: Person, memory: Remembered, memory_id: UUID) -> Memory:
    """Let a quarantined memory be told to the agent. It stays marked, and so is every thread that is told it."""
    return await memory.admit(user_id=key.user_id, memory_id=str(memory_id))
