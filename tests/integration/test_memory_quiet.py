"""The memory process speaks to PostgreSQL and the proxy, and to nobody else."""

from pathlib import Path

import aiohttp

from pilothouse.settings import CHECKOUT
from tests.fixtures.memory import Eventually, StartMemory, TurnsTable
from tests.fixtures.memory_engine import BY_TOOL

LOUD = {  # what a person's shell may hold
    "MEM0_TELEMETRY": "True",
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_API_KEY": "ls-invented",
    "OPENROUTER_API_KEY": "sk-or-invented",
    "OPENAI_API_KEY": "sk-invented",
}


async def test_saving_searching_and_extracting_reach_no_host_but_this_one(
    start_own_memory: StartMemory,
    through_proxy: dict[str, str],
    turns_table: TurnsTable,
    *,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    eventually: Eventually,
) -> None:
    seen = tmp_path / "connections"
    watched = {"PYTHONPATH": str(CHECKOUT / "tests" / "fixtures" / "witness"), "WITNESS_FILE": str(seen)}
    home = tmp_path / "home"
    client = start_own_memory(**through_proxy, **LOUD, **watched, HOME=str(home)).client(session)

    await client.save(
        user_id="ann", text="I never want more than three open trades", key="1", tainted=False, source=BY_TOOL
    )
    await client.queue_turn(
        user_id="ann",
        key="1",
        run_id="12345678-1234-5678-1234-567812345678",
        messages=[{"role": "user", "content": "I trade at night"}],
    )
    await eventually(turns_table.done)
    assert await client.find(user_id="ann", query="How many open trades?")
    assert await client.find(user_id="ann", query="Do I trade at night?")

    connections = seen.read_text().splitlines()
    assert connections
    assert [line for line in connections if "127.0.0.1" not in line and "localhost" not in line] == []
    assert not home.exists()
