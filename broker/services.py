"""What the routes use; made once at start, and given to callers with a key only."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from broker.approvers import Approvers
from broker.books import Books
from broker.decisions import Decisions
from broker.readings import Readings
from pilothouse.keys import Callers


@dataclass(frozen=True)
class Services:
    """Everything behind the routes."""

    callers: Callers
    readings: Readings
    books: Books
    approvers: Approvers
    decisions: Decisions


def services(request: Request) -> Services:
    """What the lifespan made."""
    return request.app.state.services


def for_callers(request: Request) -> Services:
    """Only for a caller with a key."""
    found = services(request)
    found.callers.identify(request.headers.get("authorization"))
    return found


Called = Annotated[Services, Depends(for_callers)]
