"""Calls whose cost is not known yet: which, why, what they hold reserved, and how a person settles one by hand."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pilothouse.clock import now
from pilothouse.errors import BadInputError, ConflictError, NotFoundError
from proxy.owner import Office, owners, plain, read

SURELY_OVER = timedelta(minutes=15)  # longer than any call is let to take
LISTED = 200
LIST_HINT = "bin/pilothouse spend status lists those that are open"
UNSETTLED = """
    SELECT id, called_at, ended_at, asked_at, caller, run_id, node, asked_model, generation_id, reserved_usd, error
    FROM proxy.ledger
    WHERE status = 'open'
    ORDER BY called_at
    LIMIT %(limit)s"""
FIND = "SELECT status, called_at, ended_at FROM proxy.ledger WHERE id = %(id)s"
SETTLE = "SELECT proxy.settle(%(outcomes)s) AS id"
NOTE = "UPDATE proxy.ledger SET note = %(note)s WHERE id = %(id)s"


class Verdict(BaseModel):
    """What a person found out at the provider."""

    model_config = ConfigDict(extra="forbid")

    cost_usd: Annotated[Decimal, Field(ge=0, lt=1_000_000, max_digits=24)]
    note: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""


async def list_unsettled(office: Office) -> list[dict[str, Any]]:
    """The oldest first."""
    rows = await office.rows(UNSETTLED, {"limit": LISTED})
    return [plain(row) | {"why": explain(row, now=now())} for row in rows]


def explain(row: dict[str, Any], *, now: datetime) -> str:
    """Why a row is open, and what will close it."""
    if row["ended_at"] is None and row["called_at"] > now - SURELY_OVER:
        return "under way, or its proxy was killed a moment ago"
    if row["generation_id"] is None:
        how = "its proxy was killed" if row["ended_at"] is None else "it was cut off"
        return f"{how} before the provider named the call: look there, then bin/pilothouse spend settle {row['id']}"
    asked = f"asked for last at {row['asked_at']:%H:%M:%S} UTC" if row["asked_at"] else "not asked for yet"
    return f"it was cut off: the provider's own record, {asked}, will settle it"


async def settle_by_hand(request: Request) -> Response:
    """Close an open call with what a person says it cost; its reservation is given back."""
    office = owners(request)
    verdict = await read(request, Verdict)
    call_id = _id(request)
    _require_over(await office.rows(FIND, {"id": call_id}))
    outcome = {"id": call_id, "status": "settled", "cost_usd": verdict.cost_usd}
    outcomes = orjson.dumps([outcome], default=str).decode()
    async with office.pool.connection() as connection, connection.transaction():
        settled = await (await connection.execute(SETTLE, {"outcomes": outcomes})).fetchall()
        if not settled:
            raise ConflictError("it was settled a moment ago", hint=LIST_HINT)
        note = "settled by hand" + (f": {verdict.note}" if verdict.note else "")
        await connection.execute(NOTE, {"id": call_id, "note": note})
    return JSONResponse({"id": str(call_id), "cost_usd": f"{verdict.cost_usd:f}", "note": note})


def _require_over(found: list[dict[str, Any]]) -> None:
    """A call that still runs would be paid for once more."""
    if not found:
        raise NotFoundError("there is no such call in the ledger", hint=LIST_HINT)
    [call] = found
    if call["status"] != "open":
        raise ConflictError(f"this call is {call['status']}: nothing is left to settle", hint=LIST_HINT)
    over_at = call["called_at"] + SURELY_OVER
    if call["ended_at"] is None and over_at > now():
        raise ConflictError("this call may still be under way", hint=f"settle it after {over_at:%H:%M} UTC")


def _id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["call_id"])
    except ValueError as error:
        raise BadInputError("a call's id is a UUID", hint=LIST_HINT) from error


ROUTES = [Route("/ledger/{call_id}/settle", settle_by_hand, methods=["POST"])]
