"""Of two memories that cannot both hold, the newer is told; the older is kept, for a person to bring back."""

from collections.abc import Sequence

from memory.engine import Engine
from memory.gate_rules import may_replace
from memory.payload import SERVED_AGAIN, UNCHECKED, state_of, superseded, to_memory
from memory.records import Memory, Row


async def settle(engine: Engine, newer: Row, replaced: Sequence[Row]) -> None:
    """Mark what the newer one replaces, as far as nothing changed meanwhile, and that it was compared."""
    scope = newer.payload["user_id"]
    async with engine.writing.of(scope):
        if await _changed(engine, newer):
            return
        for older in replaced:
            if not await _changed(engine, older) and may_replace(newer.payload, older.payload, at=engine.now()):
                await _supersede(engine, older, newer)
        await engine.rows.set(newer, {UNCHECKED: None})


async def restore(engine: Engine, scope: str, row_id: str) -> Memory:
    """Tell a superseded memory again, beside the newer one: a person knows that both hold."""
    async with engine.writing.of(scope):
        row = await engine.own(scope, row_id)
        if state_of(row.payload) == "superseded":
            await engine.rows.set(row, SERVED_AGAIN)
            words = row.payload["data"]
            await engine.history.add(row.id, "RESTORE", old=words, new=words, at=engine.now())
        return to_memory(await engine.own(scope, row_id))


async def _changed(engine: Engine, row: Row) -> bool:
    """Whether it is gone, or is not what the model saw."""
    now = await engine.rows.get(row.payload["user_id"], row.id)
    return now is None or any(now.payload.get(key) != row.payload.get(key) for key in ("data", "state", "tainted"))


async def _supersede(engine: Engine, older: Row, newer: Row) -> None:
    at = engine.now()
    await engine.rows.set(older, superseded(newer, at=at))
    await engine.history.add(older.id, "SUPERSEDE", old=older.payload["data"], new=newer.payload["data"], at=at)
    engine.counters.add(newer.payload["user_id"], "superseded")
