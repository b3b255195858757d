"""One chat turn with one tool through the full path, beside the floor, in one run on the running stack.

    bin/pilothouse bench turn

The turn is: recall (memory), think, one tool (`freqtrade_get_profit` through the broker), think, remember; keys, lease,
run store, ledger and checkpoints all on. What memory does later with the turn (extraction through the proxy) is part of
the proxy's figure. The floor is `benchmarks/floor.py`: a bare handler, two streamed HTTP calls to the same model twin,
one insert in the same PostgreSQL. Load generator, twin, database and servers share the machine's cores.
"""

import argparse
import asyncio

from rich.console import Console
from rich.table import Table

from benchmarks import load, question
from benchmarks.candidates import running_floor
from benchmarks.dialects import Pilothouse, Target, Turn
from benchmarks.processes import CpuMeter, percentile
from pilothouse.settings import REHEARSAL_MODEL, StackSettings
from stack.home import find_home
from stack.lifecycle import ensure_up, make_stack
from stack.ports import LOOPBACK
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
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    stack = make_stack(StackSettings(), console.print)
    info = ensure_up(console.print)
    pids = {name: state.pid for name, state in Control(find_home(StackSettings())).states().items()}
    credentials = stack.credentials
    twin_url = f"http://{LOOPBACK}:{credentials.settings.port_openrouter_twin}/api/v1"
    twin_key = credentials.generated["openrouter_twin_key"]
    table = Table("", "CPU ms/turn", "p50 ms", "p95 ms", "turns/s", "first word p50 ms", "p95 ms", "failed")
    with running_floor(
        twin_url=twin_url, twin_key=twin_key, database_url=credentials.admin_url, model=REHEARSAL_MODEL
    ) as floor:
        ours = Target(Pilothouse(info.api_url, info.owner_key), MESSAGE, is_told)
        for name, target, watched in (
            ("floor", Target(floor.dialect, question.MESSAGE, question.is_whole), floor.pids),
            ("pilothouse", ours, {name: pids[name] for name in OURS}),
        ):
            asyncio.run(load.run(target, turns=WARM_UP_TURNS, at_once=4))
            for turns, at_once in ((SEQUENTIAL_TURNS, 1), (STREAMED_TURNS, STREAMS)):
                meter = CpuMeter.start(watched)
                done, seconds = asyncio.run(load.run(target, turns=turns, at_once=at_once))
                table.add_row(*row(f"{name}, {at_once} at once", done, seconds, meter.per_turn(turns)))
    console.print(table)
    console.print("CPU of pilothouse: controller + proxy (broker, memory apart). Goal: at most 20 ms at 1 at once.")


def row(name: str, turns: list[Turn], seconds: float, cpu: dict[str, float]) -> list[str]:
    """One line of the table."""
    whole = [turn for turn in turns if not turn.error]
    ms = [turn.total_s * 1000 for turn in whole]
    first = [turn.first_word_s * 1000 for turn in whole]
    return [
        name,
        cpu_text(cpu),
        f"{percentile(ms, 0.5):.0f}",
        f"{percentile(ms, 0.95):.0f}",
        f"{len(ms) / seconds:.1f}",
        f"{percentile(first, 0.5):.0f}",
        f"{percentile(first, 0.95):.0f}",
        str(len(turns) - len(whole)),
    ]


def cpu_text(cpu: dict[str, float]) -> str:
    """What the goal counts first, then each process."""
    if "controller" not in cpu:
        return f"{sum(cpu.values()):.1f}"
    parts = ", ".join(f"{name} {value:.1f}" for name, value in cpu.items())
    return f"{cpu['controller'] + cpu['proxy']:.1f} ({parts})"


def is_told(text: str) -> bool:
    """The tool's figures to their end."""
    return text.startswith("Closed profit") and text.endswith(".")


if __name__ == "__main__":
    main()
