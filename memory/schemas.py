"""What callers send and get. Fields that are not listed are refused: nobody filters, dates or tags by accident."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from memory.records import Memory, Message

TEXT_CHARACTERS = 4000
MESSAGE_CHARACTERS = 8000


def _without_nul(text: str) -> str:
    return text.replace("\0", "")  # PostgreSQL has no such character


def _words(text: str) -> str:
    words = _without_nul(text).strip()
    if not words:
        raise ValueError("must hold words")
    return words


User = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Words = Annotated[str, AfterValidator(_words)]


class Body(BaseModel):
    """The base of all requests."""

    model_config = ConfigDict(extra="forbid")


class Search(Body):
    """What is asked of this user's memory."""

    user: User
    query: Words
    limit: int = Field(default=8, ge=1, le=50)


class NewMemory(Body):
    """Keep these words. `key` names the request: sending it again stores nothing."""

    user: User
    text: Annotated[str, StringConstraints(max_length=TEXT_CHARACTERS), AfterValidator(_words)]
    key: Key
    run_id: UUID | None = None
    tainted: bool  # no default: a caller that forgets it would wash the taint off


class NewMessage(Message):
    """A message as sent; a long one is cut, a lost turn would be worse."""

    model_config = ConfigDict(extra="forbid")

    content: Annotated[str, AfterValidator(_without_nul), AfterValidator(lambda text: text[:MESSAGE_CHARACTERS])]


class NewTurn(Body):
    """Find out later what in this is worth keeping."""

    user: User
    key: Key
    run_id: UUID | None = None
    messages: list[NewMessage] = Field(min_length=1, max_length=50)


class Found(BaseModel):
    """`degraded`: memory could not be asked in time, so the list says nothing about what is known."""

    memories: list[Memory]
    degraded: bool


class SavedMemory(BaseModel):
    """`duplicate`: these words were known already; the id is theirs."""

    id: str
    text: str
    duplicate: bool


class Queued(BaseModel):
    """The turn will not be lost."""

    queued: bool = True
