"""One thread of 1,000 turns on the running stack: what a turn costs at its beginning, in its middle and at its end.

    bin/pilothouse bench long_thread

Each turn calls one tool, so it adds four messages. Database bytes are the controller's tables with indexes and TOAST,
before anything is pruned; log bytes are all that PostgreSQL wrote. Goal: turn 500 at most 1.5 times turn 1.
"""

import asyncio
import sys
import time
from dataclasses import dataclass, replace

import aiohttp
from rich.console import Console
from rich.table import Table

from benchmarks import load
from benchmarks.load import Target, Timings
from benchmarks.processes import CpuMeter, percentile
from pilothouse.db import connect
from pilothouse.settings import StackSettings
from stack.home import find_home
from stack.lifecycle import ensure_up, make_stack
from stack.supervisor import Control

MESSAGE = "What is my profit so far?"
WARM_UP_TURNS = 40
TURNS = 1000
WATCHED_TURNS = 20
SIZES = """
    SELECT sum(pg_total_relation_size(relation.oid))::bigint AS tables,
           pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS log
    FROM pg_class AS relation
    WHERE relation.relnamespace = 'controller'::regnamespace AND relation.relkind = 'r'"""

console = Console(width=140)


@dataclass(frozen=True)
class Stretch:
    """What the turns `first` to `last` cost, each."""

    first: int
    last: int
    cpu_ms: float
    p50_ms: float
    tables_kb: float
    log_kb: float
    failed: int


def main() -> None:
    """Measure and print."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    stack = make_stack(StackSettings(), console.print)
    info = ensure_up(console.print)
    pid = Control(find_home(StackSettings())).states()["controller"].pid
    target = Target(f"{info.api_url}/api/chat", info.owner_key, b"event: run.finished")
    stretches = asyncio.run(measure(target, turns, pid, stack.credentials.admin_url))
    table = Table(
        "turns", "controller CPU ms", "p50 ms", "tables KB", "log KB", "failed", title="one thread, each turn"
    )
    for each in stretches:
        values = (f"{value:.1f}" for value in (each.cpu_ms, each.p50_ms, each.tables_kb, each.log_kb))
        table.add_row(f"{each.first}-{each.last}", *values, str(each.failed))
    console.print(table)
    first, middle = stretches[0], stretches[1]
    ratios = f"CPU {middle.cpu_ms / first.cpu_ms:.2f}, wall {middle.p50_ms / first.p50_ms:.2f}"
    console.print(f"turn {middle.first} against turn 1: {ratios} times. Goal: at most 1.5.")


async def measure(target: Target, turns: int, pid: int, database: str) -> list[Stretch]:
    """The stretches that are watched; the turns between them only make the thread longer."""
    await load.run(target, MESSAGE, turns=WARM_UP_TURNS, at_once=2)
    starts = (1, turns // 2 - WATCHED_TURNS // 2, turns - WATCHED_TURNS + 1)
    stretches: list[Stretch] = []
    async with aiohttp.ClientSession() as session:
        thread = replace(target, thread_id=await begin(session, target))
        turn = 1
        for start in starts:
            await ask(session, thread, turns=start - turn)
            stretches.append(await watch(session, thread, start, pid, database))
            turn = start + WATCHED_TURNS
    return stretches


async def begin(session: aiohttp.ClientSession, target: Target) -> str:
    """A thread with one turn in it."""
    headers = {"Authorization": f"Bearer {target.key}"}
    async with session.post(target.url, json={"message": MESSAGE}, headers=headers) as response:
        return (await response.json())["thread_id"]


async def ask(session: aiohttp.ClientSession, target: Target, *, turns: int) -> Timings:
    """One turn after another."""
    timings = Timings()
    for _ in range(turns):
        await load.ask(session, target, MESSAGE, timings)
    return timings


async def watch(session: aiohttp.ClientSession, target: Target, start: int, pid: int, database: str) -> Stretch:
    """A stretch of turns with meters on."""
    before, meter = sizes(database), CpuMeter.start({"controller": pid})
    timings = await ask(session, target, turns=WATCHED_TURNS)
    cpu = meter.per_turn(WATCHED_TURNS)["controller"]
    time.sleep(0.5)  # noqa: ASYNC251 -- nothing else runs here; the last checkpoint's pages are counted too
    tables_kb, log_kb = ((now - then) / 1024 / WATCHED_TURNS for now, then in zip(sizes(database), before, strict=True))
    p50_ms = percentile([each * 1000 for each in timings.total_s], 0.5) if timings.total_s else 0.0
    return Stretch(start, start + WATCHED_TURNS - 1, cpu, p50_ms, tables_kb, log_kb, timings.failed)


def sizes(database: str) -> tuple[int, int]:
    """Bytes of the controller's tables, and of PostgreSQL's log so far."""
    with connect(database) as connection:
        row = connection.execute(SIZES).fetchone()
    return (0, 0) if row is None else (row["tables"], row["log"])


if __name__ == "__main__":
    main()
