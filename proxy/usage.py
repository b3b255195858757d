"""/usage and /status: what was spent, what calls under way may still cost, and what is left of each budget.

The owner sees everything, a program's key what it spent itself. Sums are made by PostgreSQL, exactly; days are UTC's.
"""

import asyncio
from datetime import UTC
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pilothouse.clock import now
from pilothouse.errors import UnauthorizedError
from proxy.keys import Key
from proxy.owner import Office, owners, plain, query
from proxy.provider import ask_key
from proxy.unsettled import list_unsettled

LATEST_REFUSALS = 10
USAGE = """
    SELECT *
    FROM reporting.usage(%(by)s, %(since)s, %(caller)s, NULL)
    ORDER BY CASE WHEN %(by)s = 'day' THEN what END DESC, spent_usd DESC, calls DESC, what
    LIMIT %(limit)s"""
BUDGETS = """
    WITH limits AS (
        SELECT 'all' AS kind, '' AS subject, NULL AS name, %(usd)s::numeric AS limit_usd
        UNION ALL
        SELECT 'day', %(day)s, NULL, %(day_usd)s
        UNION ALL
        SELECT 'key', id::text, name, budget_usd FROM proxy.keys WHERE revoked_at IS NULL
        UNION ALL
        SELECT 'key_day', id::text || ':' || %(day)s, name, budget_day_usd FROM proxy.keys WHERE revoked_at IS NULL)
    SELECT kind, name, trim_scale(limit_usd) AS limit_usd,
           trim_scale(coalesce(spent_usd, 0)) AS spent_usd,
           trim_scale(coalesce(reserved_usd, 0)) AS reserved_usd,
           CASE WHEN limit_usd IS NOT NULL
                THEN trim_scale(greatest(limit_usd - coalesce(spent_usd, 0) - coalesce(reserved_usd, 0), 0))
           END AS left_usd
    FROM limits
    LEFT JOIN proxy.budgets USING (kind, subject)
    WHERE (%(caller)s::text IS NULL OR name = %(caller)s)
      AND (limit_usd IS NOT NULL OR name IS NULL)
    ORDER BY kind, name"""
OWN_KEY = """
    SELECT coalesce(ever.spent_usd, 0) AS spent_usd,
           coalesce(today.spent_usd, 0) AS spent_today_usd,
           greatest(%(limit_usd)s - coalesce(ever.spent_usd, 0) - coalesce(ever.reserved_usd, 0), 0) AS left_usd
    FROM (SELECT 1) AS one
    LEFT JOIN proxy.budgets AS ever ON ever.kind = 'key' AND ever.subject = %(id)s
    LEFT JOIN proxy.budgets AS today ON today.kind = 'key_day' AND today.subject = %(id)s || ':' || %(day)s"""
REFUSALS = """
    SELECT id, called_at, caller, run_id, node, asked_model, error
    FROM proxy.ledger
    WHERE status = 'refused'
    ORDER BY called_at DESC
    LIMIT %(limit)s"""

By = Literal["day", "key", "run", "model", "node", "provider"]


class Asked(BaseModel):
    """The parameters of /usage."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime
    by: By = "day"
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


async def show_usage(request: Request) -> Response:
    """Sums by day, key, run, model, node or provider, their total, and the budgets of whoever asks."""
    office: Office = request.app.state.office
    caller = await _caller(request, office)
    asked = query(request, Asked)
    values = {"since": asked.since, "caller": caller, "limit": asked.limit}
    rows = await office.rows(USAGE, values | {"by": asked.by})
    total = await office.rows(USAGE, values | {"by": "all"})
    answer = {
        "by": asked.by,
        "since": asked.since.astimezone(UTC).isoformat(),
        "rows": [plain(row) for row in rows],
        "total": plain(total[0]) if total else None,
        "budgets": await _budgets(office, caller),
    }
    return JSONResponse(answer)


async def show_status(request: Request) -> Response:
    """For the owner: provider, our key there, what stopped it, budgets, what is not settled, latest refusals."""
    office = owners(request)
    provider, budgets, unsettled, refusals = await asyncio.gather(
        ask_key(office.forwarder),
        _budgets(office, None),
        list_unsettled(office),
        office.rows(REFUSALS, {"limit": LATEST_REFUSALS}),
    )
    stopped = office.forwarder.stopped
    provider |= {"stopped": None if stopped is None else plain(vars(stopped))}
    answer = {"budgets": budgets, "unsettled": unsettled, "refusals": [plain(row) for row in refusals]}
    return JSONResponse({"provider": provider} | answer)


async def describe_key(office: Office, key: Key) -> dict[str, Any]:
    """A program's own key, as OpenRouter's `/key` tells of one: what others spend is not its business."""
    values = {"id": str(key.id), "day": now().date().isoformat(), "limit_usd": key.budget_usd or Decimal(0)}
    [row] = await office.rows(OWN_KEY, values)
    limited = key.budget_usd is not None
    return {
        "label": key.name,
        "limit": float(key.budget_usd) if key.budget_usd is not None else None,  # numbers, as clients expect here
        "limit_remaining": float(row["left_usd"]) if limited else None,
        "usage": float(row["spent_usd"]),
        "usage_daily": float(row["spent_today_usd"]),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }


async def _caller(request: Request, office: Office) -> str | None:
    """None: the owner."""
    try:
        owners(request)
    except UnauthorizedError:
        return (await office.keys.identify(request.headers.get("authorization"))).name
    return None


async def _budgets(office: Office, caller: str | None) -> list[dict[str, Any]]:
    values = {"usd": office.caps.usd, "day_usd": office.caps.day_usd, "day": now().date().isoformat()}
    return [plain(row) for row in await office.rows(BUDGETS, values | {"caller": caller})]


ROUTES = [Route("/usage", show_usage), Route("/status", show_status)]
