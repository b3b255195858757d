"""GET /api/usage: what models cost, in sums that PostgreSQL made. Works also while the proxy is down."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, Field, PlainSerializer

from api.access import Key, Reader
from api.refusals import refusals
from api.requests import STRICT
from pilothouse.clock import midnight, now
from pilothouse.db import Pool

router = APIRouter(prefix="/api", tags=["usage"], dependencies=STRICT)

EVERYTHING = "spend:read"  # the scope
USAGE = """
    SELECT *
    FROM reporting.usage(
        %(by)s, %(since)s, NULL,
        CASE WHEN NOT %(everything)s THEN ARRAY(SELECT id FROM controller.runs WHERE user_id = %(user_id)s) END)
    ORDER BY CASE WHEN %(by)s = 'day' THEN what END DESC, spent_usd DESC, calls DESC, what
    LIMIT %(limit)s"""

By = Literal["day", "key", "run", "model", "node", "provider"]
Usd = Annotated[Decimal, PlainSerializer(lambda usd: f"{usd:f}", return_type=str), Field(examples=["0.0005284"])]


class Usage(BaseModel):
    """Sums over calls to models. `open` ones are under way or cut off; `reserved_usd` is what they may cost at most."""

    what: str | None = Field(description="the day, key, run, model, node or provider; null: none is known")
    calls: int
    open: int
    refused: int
    failed: int
    spent_usd: Usd
    reserved_usd: Usd
    prompt_tokens: int
    completion_tokens: int


class UsageView(BaseModel):
    """What was spent since an instant; `total` is the sum over all rows, also those beyond the limit."""

    by: By
    since: datetime
    covers: Literal["everything", "your runs"]
    rows: list[Usage]
    total: Usage | None = Field(description="null: nothing was asked of any model")


@router.get("/usage", responses=refusals())
async def get_usage(
    request: Request,
    key: Reader,
    by: By = "day",
    since: Annotated[AwareDatetime | None, Query(description="the last seven days in UTC, if not given")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> UsageView:
    """Spend by day (UTC), key, run, model, node or provider.

    A key with the scope `spend:read` sees everything, any other the runs of its user.
    """
    pool: Pool = request.app.state.pool
    since = since or _a_week_ago()
    rows = await _sum(pool, key, by=by, since=since, limit=limit)
    total = await _sum(pool, key, by="all", since=since, limit=limit)
    return UsageView(
        by=by,
        since=since,
        covers="everything" if EVERYTHING in key.scopes else "your runs",
        rows=rows,
        total=total[0] if total else None,
    )


async def _sum(pool: Pool, key: Key, **asked: Any) -> list[Usage]:
    values = asked | {"everything": EVERYTHING in key.scopes, "user_id": key.user_id}
    async with pool.connection() as connection:
        rows = await (await connection.execute(USAGE, values)).fetchall()
    return [Usage.model_validate(row) for row in rows]


def _a_week_ago() -> datetime:
    return midnight(now()) - timedelta(days=6)
