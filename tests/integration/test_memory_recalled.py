"""What the model was just told and says again in its own words is not a second memory."""

from typing import Any

from tests.fixtures.controller import StartController
from tests.fixtures.memory import Eventually, MemoryProcess, TurnsTable
from tools.memory_client import MemoryClient


async def test_a_turn_names_the_memories_its_model_was_shown(
    start_own_controller: StartController,
    memory: MemoryProcess,
    memory_client: MemoryClient,
    *,
    user: str,
    eventually: Eventually,
) -> None:
    controller = start_own_controller("pilothouse/rehearsal")
    turns = TurnsTable(memory.database.admin)

    async def waiting() -> list[dict[str, Any]]:
        return [row for row in await turns.rows() if "do I trade" in str(row["messages"])]

    async with controller.client(controller.add_key(user_id=user)) as http:
        await http.post("/api/chat", json={"message": "Remember that I only trade on weekdays"})
        [kept], _ = await memory_client.page(user_id=user)
        await http.post("/api/chat", json={"message": "When do I trade?"})
        [turn] = await eventually(waiting)

    assert turn["recalled"] == [kept.id]
    assert turn["thread_id"] is not None
