"""A process that lost its run to another one can neither keep it, nor record, nor tell, nor take back, nor end it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import LiteralString, cast
from uuid import UUID, uuid4

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, empty_checkpoint

from agents.checkpoints import RunSaver, forget_run, set_up
from agents.encryption import Vault
from agents.eventlog import EventLog, StoredEvent
from agents.events import RunCancelled
from agents.journal import RunLostError, read_journal
from agents.leases import End, Leases, NewRun
from agents.transcript import Transcript
from pilothouse.db import Pool, connect, make_pool
from tests.fixtures.postgres import DatabaseUrls

LEASE_S = 60
EXPIRE = "UPDATE controller.thread_leases SET expires_at = now() - interval '1 second'"
LEASE = "SELECT run_id, attempts, expires_at > now() AS is_held FROM controller.thread_leases"
TOLD = [StoredEvent(1, "run.cancelled", '{"kept":true}')]
CHECKPOINTS = "SELECT checkpoint_id FROM controller.checkpoints"
ASKED = "SELECT id, cancel_asked FROM controller.runs ORDER BY place"


@dataclass(frozen=True)
class Table:
    """Runs and leases on a database of the test's own."""

    pool: Pool
    urls: DatabaseUrls

    @property
    def leases(self) -> Leases:
        """As one process sees them."""
        return Leases(self.pool, lease_s=LEASE_S)

    async def start(self, *, thread_id: UUID | None = None, urgent: bool = False) -> NewRun:
        """A run that holds its thread, or waits for it."""
        run = NewRun(
            id=uuid4(),
            thread_id=thread_id or uuid4(),
            user_id="ada",
            caller="test",
            idempotency_key=None,
            message="Hello",
            model="m",
        )
        await self.leases.add(run, may_wait=True, urgent=urgent)
        return run

    async def lose(self, run: NewRun) -> NewRun:
        """Another process takes the run over; that process's run."""
        self.do(EXPIRE)
        [taken] = await self.leases.take_over()
        assert (taken.id, taken.attempts) == (run.id, 2)
        return taken

    def do(self, statement: LiteralString) -> None:
        """As the owner of everything."""
        with connect(self.urls.admin) as connection:
            connection.execute(statement)

    def read(self, statement: LiteralString) -> list[tuple[object, ...]]:
        """As the owner of everything."""
        with connect(self.urls.admin) as connection:
            return [tuple(row.values()) for row in connection.execute(statement).fetchall()]


@pytest.fixture
async def table(database_urls: DatabaseUrls) -> AsyncIterator[Table]:
    """Nothing in it yet."""
    await set_up(database_urls.controller)
    async with make_pool(database_urls.controller, size=4) as pool:
        yield Table(pool, database_urls)


async def keep(table: Table, run: NewRun, said: str) -> None:
    """Write into the run's thread, as LangGraph does at its end."""
    config: RunnableConfig = {"configurable": {"thread_id": str(run.thread_id), "checkpoint_ns": ""}}
    checkpoint = empty_checkpoint() | {"channel_values": {"messages": [HumanMessage(said, id=str(run.id))]}}
    metadata: CheckpointMetadata = {"source": "loop", "step": 1, "parents": {}, "run_id": str(run.id)}
    saver = RunSaver(table.pool, run, Vault(""), on_saved=lambda _: None)
    await saver.aput(config, cast("Checkpoint", checkpoint), metadata, {})


async def test_a_lost_run_is_neither_kept_nor_let_go(table: Table) -> None:
    lost = await table.start()
    taken = await table.lose(lost)

    assert not await table.leases.keep(lost)
    await table.leases.let_go(lost)

    assert table.read(LEASE) == [(lost.id, 2, True)]
    assert await table.leases.keep(taken)


async def test_a_lost_run_is_not_ended(table: Table) -> None:
    lost = await table.start()
    taken = await table.lose(lost)
    event = RunCancelled(run_id=str(lost.id), thread_id=str(lost.thread_id), kept=True)
    end = End(status="cancelled", event=event, cost_usd=Decimal(0))

    assert not await table.leases.end(lost, end, told=TOLD)
    assert await table.leases.end(taken, end, told=TOLD)


async def test_a_lost_run_tells_nothing(table: Table) -> None:
    lost = await table.start()
    taken = await table.lose(lost)
    log = EventLog(table.pool)

    assert not await log.add(lost.id, attempts=lost.attempts, events=TOLD)
    assert await log.add(taken.id, attempts=taken.attempts, events=TOLD)


async def test_a_lost_run_records_no_step(table: Table) -> None:
    lost = await table.start()
    taken = await table.lose(lost)
    old, new = await read_journal(table.pool, lost), await read_journal(table.pool, taken)

    with pytest.raises(RunLostError):
        await old.record("think.0", {"text": "from the grave"})
    await new.record("think.0", {"text": "from the living"})

    again = await read_journal(table.pool, taken)
    assert again.recorded("think.0") == {"text": "from the living"}


async def test_a_lost_run_writes_nothing_into_its_thread_and_takes_nothing_back(table: Table) -> None:
    lost = await table.start()
    taken = await table.lose(lost)
    transcript = Transcript(table.pool, Vault(""))
    await keep(table, taken, "Hello")

    with pytest.raises(RunLostError):
        await forget_run(table.pool, lost)
    with pytest.raises(RunLostError):
        await keep(table, lost, "from the grave")

    assert [message.text for message in await transcript.read_thread(lost.thread_id)] == ["Hello"]
    assert len(table.read(CHECKPOINTS)) == 1
    await forget_run(table.pool, taken)
    assert await transcript.read_thread(lost.thread_id) == []
    assert table.read(CHECKPOINTS) == []


async def test_an_interrupting_message_cancels_only_what_is_older_than_itself(table: Table) -> None:
    holder = await table.start()
    first = await table.start(thread_id=holder.thread_id, urgent=True)
    second = await table.start(thread_id=holder.thread_id, urgent=True)
    end = RunCancelled(run_id=str(holder.id), thread_id=str(holder.thread_id), kept=True)
    await table.leases.end(holder, End(status="cancelled", event=end, cost_usd=Decimal(0)), told=TOLD)
    begun = await table.leases.claim(holder.thread_id)
    assert begun is not None
    assert begun.id == first.id

    await table.leases.ask_to_make_way(first, on_cancel="keep")
    untouched = table.read(ASKED)
    await table.leases.ask_to_make_way(second, on_cancel="keep")

    assert untouched == [(holder.id, None), (first.id, None), (second.id, None)]
    assert table.read(ASKED) == [(holder.id, None), (first.id, "keep"), (second.id, None)]
