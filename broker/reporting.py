"""The views over Freqtrade's tables: they can only be made once Freqtrade made its tables."""

import asyncio

from psycopg import Error as DatabaseError

from broker.freqtrade import Freqtrade
from pilothouse import log
from pilothouse.db import Pool
from pilothouse.errors import PilothouseError

ENSURE = "SELECT reporting.ensure_trading_views() AS ready"
PAUSE_S = 2.0
PATIENCE_S = 5.0


async def make_views(
    pool: Pool, freqtrade: Freqtrade, *, pause_s: float = PAUSE_S, patience_s: float = PATIENCE_S
) -> None:
    """From the first contact with Freqtrade on, ask until the views are there; outlive any outage."""
    while True:
        if await _answers(freqtrade) and await _ensure(pool, patience_s):
            log.get_logger().info("reporting.ready")
            return
        await asyncio.sleep(pause_s)


async def _answers(freqtrade: Freqtrade) -> bool:
    try:
        await freqtrade.show_config()
    except PilothouseError:
        return False
    return True


async def _ensure(pool: Pool, patience_s: float) -> bool:
    try:
        async with pool.connection(patience_s) as connection:
            row = await (await connection.execute(ENSURE)).fetchone()
    except DatabaseError as error:
        log.get_logger().warning("reporting.delayed", error=str(error))
        return False
    return bool(row and row["ready"])
