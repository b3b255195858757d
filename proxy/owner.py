"""The owner of the stack at the proxy: the one who makes keys and settles by hand, with a key that no process holds.

That key spends nothing, and no key that spends opens what is here.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from pilothouse.db import Pool
from pilothouse.errors import BadInputError
from pilothouse.keys import Callers
from pilothouse.settings import ProxySettings
from proxy.budgets import Caps
from proxy.forward import Forwarder
from proxy.keys import Keys

MAX_BODY_BYTES = 10_000

Asked = TypeVar("Asked", bound=BaseModel)


@dataclass(frozen=True)
class Office:
    """What the owner's routes use."""

    pool: Pool
    secret: str
    owner: Callers
    keys: Keys
    caps: Caps
    forwarder: Forwarder

    async def rows(self, statement: Any, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What a statement gives."""
        async with self.pool.connection() as connection:
            return await (await connection.execute(statement, values)).fetchall()


def owner_of(settings: ProxySettings) -> Callers:
    """Who has the owner's key; without its hash, nobody."""
    return Callers(settings.key_secret, {"owner": settings.owner_key_hash} if settings.owner_key_hash else {})


def owners(request: Request) -> Office:
    """The office, for the owner; 401 for anybody else."""
    office: Office = request.app.state.office
    office.owner.identify(request.headers.get("authorization"))
    return office


async def read(request: Request, shape: type[Asked]) -> Asked:
    """The body; says what does not fit, and never repeats it."""
    if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
        raise BadInputError(f"at most {MAX_BODY_BYTES} bytes are read here")
    with _explained():
        return shape.model_validate_json(await request.body())


def query(request: Request, shape: type[Asked]) -> Asked:
    """The parameters, as `read` reads a body."""
    with _explained():
        return shape.model_validate(dict(request.query_params))


@contextmanager
def _explained() -> Generator[None]:
    try:
        yield
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors())
        raise BadInputError("; ".join(problems), hint="see docs/architecture/services/proxy.md") from error


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """For JSON: money as text, instants in ISO 8601, ids as text."""
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
