"""One thread of 1,000 turns on the running stack: what a turn costs at its beginning, in its middle and at its end.

    bin/pilothouse bench long_thread

Each turn calls one tool, so it adds four messages. Database bytes are the controller's tables with indexes and TOAST,
before anything is pruned; log bytes are all that PostgreSQL wrote. Goal: turn 500 at most 1.5 times turn 1.
"""

import asyncio
import sys
import time
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks import load
from benchmarks.dialects import Pilothouse, Target
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
    target = Target(Pilothouse(info.api_url, info.owner_key), MESSAGE, is_whole=bool)
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
    await load.run(target, turns=WARM_UP_TURNS, at_once=2)
    starts = (1, turns // 2 - WATCHED_TURNS // 2, turns - WATCHED_TURNS + 1)
    stretches: list[Stretch] = []
    thread = (await load.converse(target, thread=None, turns=1))[-1].thread
    turn = 1
    for start in starts:
        await load.converse(target, thread=thread, turns=start - turn)
        stretches.append(await watch(target, thread, start, pid, database))
        turn = start + WATCHED_TURNS
    return stretches


async def watch(target: Target, thread: str | None, start: int, pid: int, database: str) -> Stretch:
    """A stretch of turns with meters on."""
    before, meter = sizes(database), CpuMeter.start({"controller": pid})
    turns = await load.converse(target, thread=thread, turns=WATCHED_TURNS)
    cpu = meter.per_turn(WATCHED_TURNS)["controller"]
    time.sleep(0.5)  # noqa: ASYNC251 -- nothing else runs here; the last checkpoint's pages are counted too
    tables_kb, log_kb = ((now - then) / 1024 / WATCHED_TURNS for now, then in zip(sizes(database), before, strict=True))
    whole_ms = [turn.total_s * 1000 for turn in turns if not turn.error]
    p50_ms = percentile(whole_ms, 0.5) if whole_ms else 0.0
    failed = WATCHED_TURNS - len(whole_ms)
    return Stretch(start, start + WATCHED_TURNS - 1, cpu, p50_ms, tables_kb, log_kb, failed)


def sizes(database: str) -> tuple[int, int]:
    """Bytes of the controller's tables, and of PostgreSQL's log so far."""
    with connect(database) as connection:
        row = connection.execute(SIZES).fetchone()
    return (0, 0) if row is None else (row["tables"], row["log"])


if __name__ == "__main__":
    main()
