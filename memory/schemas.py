"""What callers send and get. Fields that are not listed are refused: nobody filters, dates or tags by accident."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from memory.gate_secrets import without_secrets
from memory.records import Change, Kind, Memory, MemoryEvent, Message, Source, State, Subject
from memory.selection import Selection

TEXT_CHARACTERS = 4000
MESSAGE_CHARACTERS = 8000


def _without_nul(text: str) -> str:
    return text.replace("\0", "")  # PostgreSQL has no such character


def _words(text: str) -> str:
    words = _without_nul(text).strip()
    if not words:
        raise ValueError("must hold words")
    return words


def _kept_of_message(text: str) -> str:
    """Cut behind the secrets: half of one is no longer recognised."""
    return without_secrets(text[: 2 * MESSAGE_CHARACTERS])[:MESSAGE_CHARACTERS]


User = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Words = Annotated[str, AfterValidator(_words)]
Text = Annotated[str, StringConstraints(max_length=TEXT_CHARACTERS), AfterValidator(_words)]


class Body(BaseModel):
    """The base of all requests: whose memory it is about."""

    model_config = ConfigDict(extra="forbid")

    user: User


class Choice(Body):
    """Which memories, by what they are about; what is not named does not matter."""

    kind: Kind | None = None
    strategy: str | None = Field(default=None, max_length=100)
    pair: str | None = Field(default=None, max_length=40)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def selection(self, *, state: State | None = None) -> Selection:
        """The same for the engine."""
        fields = {"kind": self.kind, "strategy": self.strategy, "pair": self.pair, "state": state}
        return Selection({name: value for name, value in fields.items() if value}, self.since, self.until)


class List(Choice):
    """A page of memories, newest first. `after`: what the page before gave as `next`."""

    state: State | None = None
    after: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=500)


class Search(Choice):
    """What is asked of this user's memory."""

    query: Words
    limit: int = Field(default=8, ge=1, le=50)


class NewMemory(Body):
    """Keep these words. `key` names the request: sending it again stores nothing."""

    text: Text
    key: Key
    source: Source
    tainted: bool  # no default: a caller that forgets it would wash the taint off
    kind: Kind = "note"
    expires_at: AwareDatetime | None = None
    subject: Subject | None = None


class Counted(BaseModel):
    """Whose memories are counted; everybody's when nobody is named."""

    model_config = ConfigDict(extra="forbid")

    user: User | None = None


class Named(Body):
    """One memory of this user's."""

    id: UUID


class Edit(Named):
    """New words for a memory. `expires_at` left out stays what it was; null means forever."""

    text: Text
    expires_at: AwareDatetime | None = None

    def change(self) -> Change:
        """The same for the engine."""
        return Change(str(self.id), self.text, "expires_at" in self.model_fields_set, self.expires_at)


class Forget(Body):
    """Which memories are to leave no trace: some, or all there are."""

    ids: list[UUID] = Field(default_factory=list[UUID], max_length=1000)
    everything: bool = False

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.ids) == self.everything:
            raise ValueError("give ids, or everything: true")
        return self


class Proof(BaseModel):
    """What was read after the erasure, and how many of the forgotten texts were still seen."""

    files: int
    bytes: int
    left: int


class Forgotten(BaseModel):
    """`compacted`: the store's files were written anew without them; else `reason` says why not."""

    forgotten: int
    compacted: bool
    reason: str | None
    proof: Proof


class Export(Body):
    """Everything there is of a user."""


class Import(Body):
    """Lines of an export. `key` names the request: lines without an id are known again by it and their number."""

    memories: list[dict[str, Any]] = Field(min_length=1, max_length=500)
    key: Key


class Refused(BaseModel):
    """A line that was not kept: its number in the request, from 1, and why."""

    line: int
    reason: str


class Imported(BaseModel):
    """What became of the lines; `known` were there already."""

    stored: int
    known: int
    refused: list[Refused]


class Reembedding(BaseModel):
    """Memories `from` another embedder's collection: how many `of` them have been given new vectors."""

    model_config = ConfigDict(serialize_by_alias=True)

    from_: str | None = Field(alias="from")
    done: int
    of: int
    state: Literal["nothing to do", "offered", "running"]
    last_error: str | None


class NewMessage(Message):
    """A message as sent, without the secrets in it; a long one is cut, a lost turn would be worse."""

    model_config = ConfigDict(extra="forbid")

    content: Annotated[str, AfterValidator(_without_nul), AfterValidator(_kept_of_message)]


class NewTurn(Body):
    """Find out later what in this is worth keeping. `recalled`: ids of the memories its model was shown."""

    key: Key
    run_id: UUID | None = None
    thread_id: UUID | None = None
    messages: list[NewMessage] = Field(min_length=1, max_length=50)
    recalled: list[str] = Field(default_factory=list[str], max_length=50)


class Found(BaseModel):
    """`degraded`: memory could not be asked in time, so the list says nothing about what is known."""

    memories: list[Memory]
    degraded: bool


class SavedMemory(BaseModel):
    """`duplicate`: these words were known; the id is theirs. `state`: quarantined ones are not told to models."""

    id: str
    text: str
    state: State
    duplicate: bool


class Queued(BaseModel):
    """The turn will not be lost."""

    queued: bool = True


class Listed(BaseModel):
    """A page, newest first, and what to ask for as `after` to get the next one."""

    memories: list[Memory]
    next: str | None


class Events(BaseModel):
    """The history of one memory, oldest first."""

    events: list[MemoryEvent]
