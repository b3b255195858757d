"""What every route asks for: the service behind it, and who calls."""

from typing import Annotated

from fastapi import Depends, Request

from memory.service import MemoryService
from pilothouse.keys import Callers


def service(request: Request) -> MemoryService:
    """What the lifespan made."""
    return request.app.state.service


def caller(request: Request) -> str:
    """The process that calls; 401 without a known key."""
    callers: Callers = request.app.state.callers
    return callers.identify(request.headers.get("authorization"))


Service = Annotated[MemoryService, Depends(service)]
Caller = Annotated[str, Depends(caller)]
