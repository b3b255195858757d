"""Routes about what the gate decided."""

from fastapi import APIRouter

from memory import gate_contradictions, gate_stats
from memory.dependencies import Caller, Service
from memory.gate_counts import flush
from memory.records import Memory
from memory.schemas import Counted, Named

router = APIRouter()


@router.post("/memories/restore")
async def restore(named: Named, service: Service, _: Caller) -> Memory:
    """Tell a superseded memory again; the newer one stays too."""
    return await gate_contradictions.restore(service.opened(), service.scope(named.user), str(named.id))


@router.post("/stats")
async def stats(asked: Counted, service: Service, _: Caller) -> gate_stats.Stats:
    """What is kept, what the gate did, and how much junk there is."""
    engine = service.opened()
    scope = service.scope(asked.user) if asked.user else None
    await flush(engine.counters, service.gate_counts)
    return await gate_stats.collect(engine, await service.gate_counts.sums(scope), scope)
