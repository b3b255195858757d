"""Routes about what the gate decided."""

from fastapi import APIRouter

from memory import gate_contradictions
from memory.dependencies import Caller, Service
from memory.records import Memory
from memory.schemas import Named

router = APIRouter()


@router.post("/memories/restore")
async def restore(named: Named, service: Service, _: Caller) -> Memory:
    """Tell a superseded memory again; the newer one stays too."""
    return await gate_contradictions.restore(service.opened(), service.scope(named.user), str(named.id))
