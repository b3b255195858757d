"""A broker that is being started again is waited for; one that stays away is said so."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from pilothouse.errors import UnavailableError
from stack.ports import LOOPBACK, find_free
from tools.broker_client import TradingClient


async def test_a_broker_that_comes_back_within_seconds_is_waited_for() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"pairs": []})

    app, port = web.Application(), find_free()
    app.router.add_get("/performance", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    async with aiohttp.ClientSession() as session:
        client = TradingClient(session, f"http://{LOOPBACK}:{port}", "key", restart_wait_s=60)
        asking = asyncio.create_task(client.performance())
        await asyncio.sleep(0.3)  # it is refused at first

        await web.TCPSite(runner, LOOPBACK, port).start()

        assert (await asking).pairs == []
    await runner.cleanup()


async def test_a_broker_that_stays_away_is_said_so() -> None:
    async with aiohttp.ClientSession() as session:
        client = TradingClient(session, f"http://{LOOPBACK}:{find_free()}", "key", restart_wait_s=0)

        with pytest.raises(UnavailableError, match="the broker cannot be reached"):
            await client.performance()
