"""/reconcile: our ledger beside the provider's own count, to the dollar, and our counters beside our own rows."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from proxy.owner import Office, owners, plain
from proxy.provider import ask_key
from proxy.unsettled import list_unsettled

EXACT = Decimal("1e-9")  # the provider counts in floating point
PAUSE_S = 0.2
ASKED_TIMES = 30
LEDGER = """
    SELECT trim_scale(coalesce(sum(cost_usd) FILTER (WHERE called_at >= date_trunc('day', now(), 'UTC')), 0)) AS today,
           trim_scale(coalesce(sum(cost_usd) FILTER (WHERE called_at >= date_trunc('month', now(), 'UTC')), 0))
               AS "this month",
           trim_scale(coalesce(sum(cost_usd), 0)) AS ever,
           trim_scale(coalesce(sum(reserved_usd) FILTER (WHERE status = 'open'), 0)) AS reserved_usd
    FROM proxy.ledger"""
ASK_AGAIN = """
    UPDATE proxy.ledger
    SET asked_at = NULL
    WHERE status = 'open' AND ended_at IS NOT NULL AND generation_id IS NOT NULL"""
BEING_ASKED = """
    SELECT id
    FROM proxy.ledger
    WHERE status = 'open' AND ended_at IS NOT NULL AND generation_id IS NOT NULL
      AND (asked_at IS NULL OR asked_at > now() - interval '1 s')
    LIMIT 1"""
COUNTED = """
    SELECT trim_scale(spent_usd) AS spent_usd, trim_scale(reserved_usd) AS reserved_usd
    FROM proxy.budgets
    WHERE kind = 'all'"""


async def reconcile(request: Request) -> Response:
    """For the owner: by how much ledger and provider differ today, this month and ever, and what may explain it."""
    office = owners(request)
    await _ask_for_records(office)
    ledger, counted = await _ours(office)  # first: what is billed meanwhile is reserved here, and so explained
    provider = await ask_key(office.forwarder)
    used: Mapping[str, str | None] = provider.get("used_usd", {})
    fit = counted == {"spent_usd": ledger["ever"], "reserved_usd": ledger["reserved_usd"]}
    periods = [_compare(period, ledger, usd) for period, usd in used.items()]
    answer = {
        "provider": provider,
        "periods": periods,
        "reserved_usd": f"{ledger['reserved_usd']:f}",
        "unsettled": await list_unsettled(office),
        "counters": plain(counted),
        "counters_fit": fit,
        "fits": fit and all(each["explained"] for each in periods) and provider["reachable"],
    }
    return JSONResponse(answer)


async def _ask_for_records(office: Office) -> None:
    """Let the settling ask once more, now, for every call that was cut off, and give it a moment."""
    async with office.pool.connection() as connection:
        await connection.execute(ASK_AGAIN)
    for _ in range(ASKED_TIMES):
        if not await office.rows(BEING_ASKED, {}):
            return
        await asyncio.sleep(PAUSE_S)


async def _ours(office: Office) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rows and counters at one moment: calls go on meanwhile."""
    async with office.pool.connection() as connection, connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        [ledger] = await (await connection.execute(LEDGER)).fetchall()
        counted = await (await connection.execute(COUNTED)).fetchall()
    return ledger, counted[0] if counted else {"spent_usd": Decimal(0), "reserved_usd": Decimal(0)}


def _compare(period: str, ledger: Mapping[str, Decimal], usd: str | None) -> dict[str, Any]:
    ours, reserved = ledger[period], ledger["reserved_usd"]
    told = {"period": period, "ledger_usd": f"{ours:f}", "provider_usd": usd}
    if usd is None:
        return told | {"difference_usd": None, "says": "the provider does not tell", "explained": True}
    difference = (Decimal(usd) - ours).quantize(EXACT).normalize()
    explained = 0 <= difference <= reserved
    return told | {
        "difference_usd": f"{difference:f}",
        "says": _explain(difference, reserved=reserved),
        "explained": explained,
    }


def _explain(difference: Decimal, *, reserved: Decimal) -> str:
    if difference == 0:
        return "equal"
    if difference < 0:
        return "the provider counts less: it counts late, or another of its keys was used here before"
    if difference <= reserved:
        return "may be calls that are not settled yet"
    return "more than open calls explain: its key is used elsewhere too, or was before this ledger began"


ROUTES = [Route("/reconcile", reconcile, methods=["POST"])]
