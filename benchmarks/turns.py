"""Our controller against two servers for LangGraph graphs, Aegra and `langgraph dev`, beside the floor, in one run.

    bin/pilothouse bench turns
    bin/pilothouse bench turns --only ours --turns 100 --json figures.json

A turn is two model calls with one tool call between them and about forty streamed pieces of text; every answer is
checked to be whole. Ours runs with keys, leases, run store, journal, events and ledger on, and reaches the model twin
through our proxy; the peers run without keys, ask the twin directly, and their tool needs no database: all of that
favours them. Ours also recalls from memory in each turn, which the peers' graph does not (it remembers nothing of it,
as the tool's answer holds words of others); the CPU of the memory process is printed apart. The twin sends its words
at once, which favours us: what comes within 30 ms we store and send together (see --model).

Each peer is installed once, from pinned requirements, below the cache folder. The stack it runs on is its own and goes
when it ends. At most about twelve minutes.
"""

import argparse
import os
import signal
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import orjson
from rich.console import Console

from benchmarks import command, report
from benchmarks.candidates import Candidate, pilothouse, running_floor
from benchmarks.measure import Bench, Figures, Plan
from benchmarks.own_stack import OwnStack, own_stack
from benchmarks.peers.servers import PEERS, running_peer
from pilothouse.errors import UnavailableError
from pilothouse.settings import REHEARSAL_MODEL

FLOOR, OURS = "floor", "ours"

console = Console(width=160, highlight=False, markup=False)


def main() -> None:
    """Measure and print."""
    options = _parse()
    command.leave_on(signal.SIGTERM)
    load_before = os.getloadavg()[0]
    with own_stack(console.print, model=options.model) as own:
        shared = {"twin": own.pids["openrouter"], "postgres": own.pids["postgres"]}
        bench = Bench(Plan(turns=options.turns), shared, console.print)
        figures = {name: each for name in (FLOOR, *options.only) if (each := _measure(name, bench, own, options.model))}
    _print(figures, options, load_before)
    if options.json:
        raw = {"load_average": [load_before, os.getloadavg()[0]], "model": options.model, "figures": figures}
        options.json.write_bytes(orjson.dumps(raw, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))


def _measure(name: str, bench: Bench, own: OwnStack, model: str) -> Figures | None:
    """None, with the reason told, when a peer cannot be had."""
    try:
        with _running(name, own, model) as candidate:
            return bench.measure(candidate, with_thread=name != FLOOR)
    except UnavailableError as error:
        console.print(f"{name} is left out: {error.message} ({error.hint})", style="red")
        return None


def _running(name: str, own: OwnStack, model: str) -> AbstractContextManager[Candidate]:
    if name == FLOOR:
        admin = own.stack.credentials.admin_url
        return running_floor(twin_url=own.twin_url, twin_key=own.twin_key, database_url=admin, model=model)
    if name == OURS:
        return nullcontext(pilothouse(own))
    return running_peer(PEERS[name], own, model=model, report=console.print)


def _print(figures: dict[str, Figures], options: argparse.Namespace, load_before: float) -> None:
    ours, peers = figures.get(OURS), [each for name, each in figures.items() if name in PEERS]
    load_after, load_5_min = os.getloadavg()[:2]
    console.print(f"\n{os.cpu_count()} cores; load average {load_before:.1f} before, {load_after:.1f} after", end="")
    console.print(f", {load_5_min:.1f} over the last 5 minutes")
    console.print(f"model {options.model}; at most {options.turns} turns a load; median of 20 turns of the thread")
    console.print(report.table(floor=figures[FLOOR], ours=ours, peers=peers))
    console.print("CPU ms a turn by process at 100 at once (twin, postgres and load generator serve all):")
    for each in figures.values():
        console.print(f"  {report.spread(each)}")
    for each in figures.values():
        for failure, times in each.failures().items():
            console.print(f"  failed in {each.name}, {times} times: {failure}")
    for line in report.goals(ours, peers) if ours else ():
        console.print(line)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/pilothouse bench turns", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = (OURS, *PEERS)
    parser.add_argument("--only", action="append", choices=names, help="one of them, beside the floor; may be repeated")
    parser.add_argument("--turns", type=int, default=Plan.turns, help="turns a load (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures there")
    parser.add_argument(
        "--model",
        default=REHEARSAL_MODEL,
        help="of the twin; twin/trickle:0.02 sends the words 20 ms apart, as real models do (default %(default)s)",
    )
    options = parser.parse_args()
    if options.turns < 1:
        parser.error("--turns is at least 1")
    options.only = options.only or names
    return options


if __name__ == "__main__":
    command.run(main)
