"""Our proxy against LiteLLM's, beside a bare pass-through and going straight to the provider, in one run.

    bin/pilothouse bench proxy
    bin/pilothouse bench proxy --rounds 2

Everybody runs at the same time and gets the same loads one shortly after the other, round by round; the figures are
medians over the rounds, the ratios are taken within each round. The provider answers forty tokens at once, each in a
chunk of its own where it streams, so that what is measured is the proxy; every answer is checked to be whole. Ours runs
as one process with a key, caps on everything, the day and the run, and its ledger in a PostgreSQL of its own; LiteLLM's
proxy runs with one worker and a master key, without any database: no budget, no ledger, which favours it. The floor is
bare ASGI on uvicorn and aiohttp. Load generator, provider, PostgreSQL and proxies share the machine's cores; "direct"
shows what load generator and provider can do without a proxy.

LiteLLM is installed once, from pinned requirements, below the cache folder. All that is started is stopped when it
ends. At most ten minutes.
"""

import argparse
import os
import signal
import time
from contextlib import ExitStack

from rich.console import Console

from benchmarks import command
from benchmarks.processes import resident_mb
from benchmarks.proxy import report
from benchmarks.proxy.doors import Door, Doors
from benchmarks.proxy.rounds import play
from pilothouse.errors import UnavailableError
from stack.roles import role_url
from stack.scratch import scratch_home, scratch_server

ROUNDS = 5
LOAD_S = 1.5
LAST_ROUND_ENDS_S = 540
LIMIT_S = 590

console = Console(width=160, highlight=False, markup=False)


def main() -> None:
    """Measure and print."""
    options = _parse()
    command.leave_on(signal.SIGTERM, signal.SIGALRM)
    signal.alarm(LIMIT_S)
    end_s, load_before = time.monotonic() + LAST_ROUND_ENDS_S, os.getloadavg()[0]
    with ExitStack() as exits:
        doors = _open(exits)
        rounds = play(doors, rounds=options.rounds, seconds=LOAD_S, end_s=end_s, report=console.print)
        memory_mb = {door.name: resident_mb(door.pid) for door in doors}
    console.print(f"\n{os.cpu_count()} cores; load average {load_before:.1f} before, {os.getloadavg()[0]:.1f} after")
    console.print(report.table(doors, rounds, memory_mb))
    for line in (*report.failures(rounds), *report.goals(rounds, memory_mb)):
        console.print(line)


def _open(exits: ExitStack) -> list[Door]:
    """The peer last: it is left out, with the reason told, when it cannot be had."""
    make = Doors(exits, exits.enter_context(scratch_home()))
    direct = make.direct()
    scratch = exits.enter_context(scratch_server())
    database_url = role_url(scratch.admin_url(), name="proxy", password=scratch.passwords["proxy"])
    ours = make.ours(direct.url, scratch.cluster, database_url=database_url)
    doors = [direct, make.floor(direct.url), ours]
    try:
        return [*doors, make.peer(direct.url, console.print)]
    except UnavailableError as error:
        console.print(f"the peer is left out: {error.message} ({error.hint})", style="red")
        return doors


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/pilothouse bench proxy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="at most so many (default %(default)s)")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds is at least 1")
    return options


if __name__ == "__main__":
    command.run(main)
