"""What the routes use; made once at start, and given to callers with a key only."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from broker.approvers import Approvers
from broker.auditor import Auditor
from broker.books import Books
from broker.decisions import Decisions
from broker.desk import Desk
from broker.endings import Endings
from broker.halt import Halts
from broker.links import Links
from broker.policy import CurrentPolicy
from broker.readings import Readings
from broker.submission import Submissions
from pilothouse.keys import Callers


@dataclass(frozen=True)
class Services:
    """Everything behind the routes."""

    callers: Callers
    readings: Readings
    books: Books
    desk: Desk
    policy: CurrentPolicy
    submissions: Submissions
    approvers: Approvers
    decisions: Decisions
    links: Links
    halts: Halts
    auditor: Auditor
    endings: Endings


def services(request: Request) -> Services:
    """What the lifespan made."""
    return request.app.state.services


def caller(request: Request) -> str:
    """The name of the caller, who must have a key."""
    return services(request).callers.identify(request.headers.get("authorization"))


def for_callers(request: Request) -> Services:
    """Only for a caller with a key."""
    caller(request)
    return services(request)


Called = Annotated[Services, Depends(for_callers)]
Caller = Annotated[str, Depends(caller)]
