"""A turn handed over is turned into memories later, whatever happens in between."""

import aiohttp

from tests.fixtures.ledger import Ledger
from tests.fixtures.memory import Eventually, StartMemory, TurnsTable

TURN = [
    {"role": "user", "content": "I only trade on weekdays. How is my bot doing?"},
    {"role": "assistant", "content": "Your bot has two open trades."},
]
RUN = "12345678-1234-5678-1234-567812345678"


async def test_a_turn_becomes_a_memory_and_its_words_leave_the_queue(
    start_own_memory: StartMemory,
    through_proxy: dict[str, str],
    turns_table: TurnsTable,
    session: aiohttp.ClientSession,
    eventually: Eventually,
) -> None:
    client = start_own_memory(**through_proxy).client(session)

    await client.queue_turn(user_id="ann", key=RUN, run_id=RUN, messages=TURN)
    await eventually(turns_table.done)
    found = await client.search(user_id="ann", query="On which days do I trade?")

    assert [memory.text for memory in found] == ["I only trade on weekdays"]
    assert found[0].source.kind == "turn"
    assert str(found[0].source.run_id) == RUN
    assert await client.search(user_id="bob", query="On which days do I trade?") == []
    assert "weekdays" not in str(await turns_table.rows())
    assert "ann" not in str(await turns_table.rows())


async def test_turns_survive_kill_9_and_wait_for_the_model(
    start_own_memory: StartMemory,
    through_proxy: dict[str, str],
    turns_table: TurnsTable,
    session: aiohttp.ClientSession,
    eventually: Eventually,
) -> None:
    crashed = start_own_memory()  # without a proxy to reach
    for number in range(5):
        said = [{"role": "user", "content": f"I prefer strategy number {number}"}]
        await crashed.client(session).queue_turn(user_id="ann", key=f"{number}", run_id=RUN, messages=said)
    crashed.server.kill()
    turns_table.make_due()

    client = start_own_memory(**through_proxy).client(session)
    await client.queue_turn(user_id="ann", key="0", run_id=RUN, messages=TURN)  # handed over a second time
    await eventually(turns_table.all_done)
    found = await client.search(user_id="ann", query="Which strategy do I prefer?", limit=20)

    assert sorted(memory.text for memory in found) == [f"I prefer strategy number {number}" for number in range(5)]


async def test_a_turn_that_was_remembered_just_before_a_crash_is_not_paid_for_again(
    start_own_memory: StartMemory,
    through_proxy: dict[str, str],
    turns_table: TurnsTable,
    *,
    ledger: Ledger,
    session: aiohttp.ClientSession,
    eventually: Eventually,
) -> None:
    client = start_own_memory(**through_proxy).client(session)
    await client.queue_turn(user_id="ann", key=RUN, run_id=RUN, messages=TURN)
    await eventually(turns_table.done)

    turns_table.forget_that_they_are_done()
    await eventually(turns_table.done)

    assert [row["node"] for row in await ledger.rows()] == ["memory"]
    assert len(await client.search(user_id="ann", query="On which days do I trade?")) == 1


async def test_a_turn_no_model_accepts_is_parked_and_health_says_so(
    start_own_memory: StartMemory,
    through_proxy: dict[str, str],
    turns_table: TurnsTable,
    session: aiohttp.ClientSession,
    eventually: Eventually,
) -> None:
    memory = start_own_memory(**through_proxy, PILOTHOUSE_MODEL="no/such-model")
    await memory.client(session).queue_turn(user_id="ann", key=RUN, run_id=RUN, messages=TURN)

    await eventually(turns_table.skip_back_off_until_parked)

    assert memory.health().json()["queue"]["parked"] == 1
    assert "LLMError" in memory.health().json()["last_error"]
