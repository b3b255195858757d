"""Health: alive for supervisors (no key), ready for people and monitors (each dependency with state and latency)."""

import asyncio
import time
from typing import Any, Literal, cast

import aiohttp
import psycopg
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from api.access import needs
from api.refusals import refusals
from api.requests import STRICT
from api.schemas import DependencyView, LiveView, ReadyView
from pilothouse.db import Pool

router = APIRouter(prefix="/health", tags=["health"], dependencies=STRICT)

TIMEOUT_S = 2.5
NEEDED = ("postgres", "proxy")  # without these no question can be answered

DOWN: dict[str, Any] = {"model": ReadyView, "description": "no question can be answered now"}

State = Literal["ok", "degraded", "down"]

require_monitor = needs("health:read")


@router.get("/live")
async def live() -> LiveView:
    """The process answers. No key needed."""
    return LiveView()


@router.get("/ready", response_model=ReadyView, responses=refusals() | {503: DOWN})
async def ready(request: Request) -> Response:
    """Each dependency with state and latency; 503 when no question can be answered.

    Without the database no key can be checked: then this says that it is down, and nothing of the others.
    """
    started = time.monotonic()
    try:
        await require_monitor(request)
    except psycopg.OperationalError as error:
        view = ReadyView(status="down", dependencies=[_view("postgres", "down", started, str(error)[:200])])
    else:
        view = await look(request.app.state.pool, request.app.state.session, request.app.state.services)
    return JSONResponse(view.model_dump(mode="json"), status_code=503 if view.status == "down" else 200)


async def look(pool: Pool, session: aiohttp.ClientSession, services: dict[str, str]) -> ReadyView:
    """Ask every dependency at once."""
    checks = [_postgres(pool), *(_service(session, name, url) for name, url in services.items())]
    dependencies = list(await asyncio.gather(*checks))
    broken = [each for each in dependencies if each.state != "ok"]
    needed = any(each.state == "down" and each.name in NEEDED for each in broken)
    return ReadyView(status="down" if needed else "degraded" if broken else "ok", dependencies=dependencies)


async def _postgres(pool: Pool) -> DependencyView:
    started = time.monotonic()
    try:
        async with asyncio.timeout(TIMEOUT_S), pool.connection() as connection:
            await connection.execute("SELECT 1")
    except (psycopg.OperationalError, TimeoutError) as error:
        return _view("postgres", "down", started, str(error)[:200] or "no answer")
    return _view("postgres", "ok", started)


async def _service(session: aiohttp.ClientSession, name: str, url: str) -> DependencyView:
    started = time.monotonic()
    try:
        async with session.get(f"{url}/health", timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as response:
            body: Any = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return _view(name, "down", started, type(error).__name__)
    said = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    state: State = said["status"] if said.get("status") in ("ok", "degraded") else "down"
    return _view(name, state, started, str(said.get("detail", "")))


def _view(name: str, state: State, started: float, detail: str = "") -> DependencyView:
    latency_ms = round((time.monotonic() - started) * 1000)
    return DependencyView(name=name, state=state, latency_ms=latency_ms, detail=detail)
