"""One chat turn with one tool through the full path, beside the floor, in one run on the running stack.

    bin/pilothouse bench turn

The turn is: recall (memory), think, one tool (`freqtrade_get_profit` through the broker), think, remember; keys, lease,
run store, ledger and checkpoints all on. What memory does later with the turn (extraction through the proxy) is part of
the proxy's figure. The floor is `benchmarks/floor.py`: a bare handler, two streamed HTTP calls to the same model twin,
one insert in the same PostgreSQL. Load generator, twin, database and servers share the machine's cores.
"""

import asyncio
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from benchmarks import load
from benchmarks.load import Target, Timings
from benchmarks.processes import CpuMeter, percentile
from pilothouse.db import connect
from pilothouse.settings import CHECKOUT, StackSettings
from stack.home import find_home
from stack.lifecycle import Stack, ensure_up, make_stack
from stack.ports import find_free
from stack.supervisor import Control

MESSAGE = "What is my profit so far?"
WARM_UP_TURNS = 20
SEQUENTIAL_TURNS = 200
STREAMS = 100
STREAMED_TURNS = 600
OURS = ("controller", "proxy", "broker", "memory")

console = Console(width=160)


def main() -> None:
    """Measure and print."""
    stack = make_stack(StackSettings(), console.print)
    info = ensure_up(console.print)
    pids = {name: state.pid for name, state in Control(find_home(StackSettings())).states().items()}
    ours = Target(f"{info.api_url}/api/chat", info.owner_key, b"event: run.finished")
    table = Table("", "CPU ms/turn", "p50 ms", "p95 ms", "turns/s", "first word p50 ms", "p95 ms", "failed")
    with running_floor(stack) as (floor, floor_pid):
        for name, target, watched in (
            ("floor", floor, {"floor": floor_pid}),
            ("pilothouse", ours, {name: pids[name] for name in OURS}),
        ):
            asyncio.run(load.run(target, MESSAGE, turns=WARM_UP_TURNS, at_once=4))
            for turns, at_once in ((SEQUENTIAL_TURNS, 1), (STREAMED_TURNS, STREAMS)):
                meter = CpuMeter.start(watched)
                timings, seconds = asyncio.run(load.run(target, MESSAGE, turns=turns, at_once=at_once))
                table.add_row(*row(f"{name}, {at_once} at once", timings, seconds, meter.per_turn(turns)))
    console.print(table)
    console.print("CPU of pilothouse: controller + proxy (broker, memory apart). Goal: at most 20 ms at 1 at once.")


def row(name: str, timings: Timings, seconds: float, cpu: dict[str, float]) -> list[str]:
    """One line of the table."""
    ms = [each * 1000 for each in timings.total_s]
    first = [each * 1000 for each in timings.first_word_s]
    return [
        name,
        cpu_text(cpu),
        f"{percentile(ms, 0.5):.0f}",
        f"{percentile(ms, 0.95):.0f}",
        f"{len(ms) / seconds:.1f}",
        f"{percentile(first, 0.5):.0f}",
        f"{percentile(first, 0.95):.0f}",
        str(timings.failed),
    ]


def cpu_text(cpu: dict[str, float]) -> str:
    """What the goal counts first, then each process."""
    if "controller" not in cpu:
        return f"{sum(cpu.values()):.1f}"
    parts = ", ".join(f"{name} {value:.1f}" for name, value in cpu.items())
    return f"{cpu['controller'] + cpu['proxy']:.1f} ({parts})"


@contextmanager
def running_floor(stack: Stack) -> Generator[tuple[Target, int]]:
    """The floor as a process of its own, on the stack's own twin and database."""
    admin = stack.credentials.admin_url
    with connect(admin) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS public.benchmark_floor (id uuid PRIMARY KEY, message text)")
    port = find_free()
    twin = f"http://127.0.0.1:{stack.credentials.settings.port_openrouter_twin}/api/v1"
    key = stack.credentials.generated["openrouter_twin_key"]
    command = [sys.executable, "-m", "benchmarks.floor", str(port), twin, key, admin]
    process = subprocess.Popen(command, cwd=CHECKOUT)
    try:
        wait_for(f"http://127.0.0.1:{port}/turn")
        yield Target(f"http://127.0.0.1:{port}/turn", "none", b"data: [DONE]"), process.pid
    finally:
        process.terminate()
        process.wait(10)
        with connect(admin) as connection:
            connection.execute("DROP TABLE public.benchmark_floor")


def wait_for(url: str) -> None:
    """Until something answers there."""
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 -- our own loopback address
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(url)


if __name__ == "__main__":
    main()
