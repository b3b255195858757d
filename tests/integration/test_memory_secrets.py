"""A key or a password that somebody types never reaches the disk through memory."""

import aiohttp
import pytest

from pilothouse.errors import BadInputError
from tests.fixtures.memory import StartMemory, TurnsTable
from tests.fixtures.memory_engine import BY_TOOL
from tools.memory_client import MemoryClient

PASSWORD = "Tr0ub4dor&3"
RUN = "12345678-1234-5678-1234-567812345678"


async def test_a_save_that_holds_a_password_is_refused_and_leaves_nothing(
    memory_client: MemoryClient, user: str
) -> None:
    with pytest.raises(BadInputError, match="holds a secret") as refused:
        await memory_client.save(
            user_id=user, text=f"My Kraken password is {PASSWORD}", key="1", tainted=False, source=BY_TOOL
        )

    assert "password manager" in refused.value.hint
    assert PASSWORD not in str(refused.value)
    assert await memory_client.page(user_id=user) == ([], None)


async def test_a_secret_in_a_link_is_refused_too(memory_client: MemoryClient, user: str) -> None:
    subject = {"links": ["https://example.test/?api_key=abc123def456"]}

    with pytest.raises(BadInputError, match="holds a secret"):
        await memory_client.save(
            user_id=user, text="see there", key="1", tainted=False, source=BY_TOOL, subject=subject
        )


async def test_a_turn_waits_without_the_secret_that_was_said_in_it(
    start_own_memory: StartMemory, turns_table: TurnsTable, session: aiohttp.ClientSession
) -> None:
    client = start_own_memory().client(session)  # no model can be reached: the turn stays in the table
    said = [{"role": "user", "content": f"I like ETH. My Kraken password is {PASSWORD}"}]

    await client.queue_turn(user_id="ann", key="1", run_id=RUN, messages=said)
    [row] = await turns_table.rows()

    assert PASSWORD not in str(row)
    assert "I like ETH. My Kraken password is [secret removed: password]" in str(row)


async def test_a_secret_behind_the_place_where_a_message_is_cut_leaves_no_half(
    start_own_memory: StartMemory, turns_table: TurnsTable, session: aiohttp.ClientSession
) -> None:
    client = start_own_memory().client(session)
    key = "sk-or-v1-0d5c61f4a9b84f7c8e1d2a3b4c5d6e7f"
    said = [{"role": "user", "content": "x " * 3992 + key}]  # 8,000 characters are kept

    await client.queue_turn(user_id="ann", key="1", run_id=RUN, messages=said)

    assert "sk-or" not in str(await turns_table.rows())
