"""/keys: the owner makes, lists, revokes and rotates keys for n8n, scripts and other programs. Only hashes are kept."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import psycopg
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pilothouse.clock import now
from pilothouse.errors import BadInputError, ConflictError, NotFoundError
from pilothouse.keys import hash_key, new_key
from proxy.owner import Office, owners, plain, read

NO_KEY_HINT = "bin/pilothouse keys list"
INSERT = """
    INSERT INTO proxy.keys (id, name, owner, hash, scopes, models, budget_usd, budget_day_usd, expires_at)
    VALUES (%(id)s, %(name)s, %(owner)s, %(hash)s, %(scopes)s, %(models)s, %(budget_usd)s, %(budget_day_usd)s,
            %(expires_at)s)
    RETURNING *"""
LIST = """
    SELECT keys.*,
           trim_scale(coalesce(ever.spent_usd, 0)) AS spent_usd,
           trim_scale(coalesce(today.spent_usd, 0)) AS spent_today_usd,
           trim_scale(coalesce(ever.reserved_usd, 0)) AS reserved_usd
    FROM proxy.keys
    LEFT JOIN proxy.budgets AS ever ON ever.kind = 'key' AND ever.subject = id::text
    LEFT JOIN proxy.budgets AS today
        ON today.kind = 'key_day' AND today.subject = id::text || ':' || (now() AT TIME ZONE 'UTC')::date
    ORDER BY created_at DESC, name"""
REVOKE = """
    UPDATE proxy.keys
    SET revoked_at = coalesce(revoked_at, now())
    WHERE id = %(id)s
    RETURNING *"""
ROTATE = """
    UPDATE proxy.keys
    SET hash = %(hash)s
    WHERE id = %(id)s AND NOT is_service AND revoked_at IS NULL
    RETURNING *"""

Budget = Annotated[Decimal, Field(ge=0, lt=1_000_000, max_digits=24)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
Model = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x20]+$")]


class NewKey(BaseModel):
    """What a key is to be."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    owner: Name = "owner"
    scopes: list[Literal["chat", "embeddings"]] = Field(default=["chat", "embeddings"], min_length=1)
    models: list[Model] | None = Field(default=None, min_length=1, max_length=200)
    budget_usd: Budget | None = None
    budget_day_usd: Budget | None = None
    expires_at: AwareDatetime | None = None

    @field_validator("expires_at")
    @classmethod
    def _lie_ahead(cls, value: datetime | None) -> datetime | None:
        if value is not None and value <= now():
            raise ValueError("it is over already")
        return value


async def create_key(request: Request) -> Response:
    """A new key; the only answer that holds it."""
    office = owners(request)
    asked = await read(request, NewKey)
    key = new_key()
    values = asked.model_dump() | {"id": uuid4(), "hash": hash_key(key, secret=office.secret)}
    try:
        [row] = await office.rows(INSERT, values)
    except psycopg.errors.UniqueViolation as error:
        raise ConflictError(
            f"there is or was a key '{asked.name}'", hint="take another name, so that spend by key stays clear"
        ) from error
    return JSONResponse(_view(row) | {"key": key}, 201)


async def list_keys(request: Request) -> Response:
    """All keys, the newest first, with what they spent; never the keys themselves."""
    rows = await owners(request).rows(LIST, {})
    return JSONResponse({"keys": [_view(row) for row in rows]})


async def revoke_key(request: Request) -> Response:
    """Refused from now on, for good; revoking it again changes nothing."""
    row = await _change(owners(request), REVOKE, request)
    return JSONResponse(_view(row))


async def rotate_key(request: Request) -> Response:
    """Another key in the place of this one, with the same limits and what was spent of them."""
    office = owners(request)
    key = new_key()
    row = await _change(office, ROTATE, request, hash=hash_key(key, secret=office.secret))
    return JSONResponse(_view(row) | {"key": key})


async def _change(office: Office, statement: Any, request: Request, **values: str) -> dict[str, Any]:
    given: str = request.path_params["key_id"]
    try:
        found = await office.rows(statement, {"id": UUID(given), **values})
    except ValueError as error:
        raise BadInputError("a key's id is a UUID", hint=NO_KEY_HINT) from error
    if not found:
        raise NotFoundError("no such key, or one of the stack's own, or revoked", hint=NO_KEY_HINT)
    office.keys.forget()
    return found[0]


def _view(row: dict[str, Any]) -> dict[str, Any]:
    return plain({name: value for name, value in row.items() if name != "hash"})


ROUTES = [
    Route("/keys", list_keys),
    Route("/keys", create_key, methods=["POST"]),
    Route("/keys/{key_id}/revoke", revoke_key, methods=["POST"]),
    Route("/keys/{key_id}/rotate", rotate_key, methods=["POST"]),
]
