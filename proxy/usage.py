"""/usage and /status: what was spent, what calls under way may still cost, and what is left of each budget.

The owner sees everything, a program's key what it spent itself. Sums are made by PostgreSQL, exactly; days are UTC's.
"""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pilothouse.errors import UnauthorizedError
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


async def _caller(request: Request, office: Office) -> str | None:
    """None: the owner."""
    try:
        owners(request)
    except UnauthorizedError:
        return (await office.keys.identify(request.headers.get("authorization"))).name
    return None


async def _budgets(office: Office, caller: str | None) -> list[dict[str, Any]]:
    values = {"usd": office.caps.usd, "day_usd": office.caps.day_usd, "day": datetime.now(UTC).date().isoformat()}
    return [plain(row) for row in await office.rows(BUDGETS, values | {"caller": caller})]


ROUTES = [Route("/usage", show_usage), Route("/status", show_status)]
