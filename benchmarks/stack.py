"""Start-up time, memory and disk of the whole embedded stack, in a data home and on ports of its own.

    bin/pilothouse bench stack

`first up` makes the database and finds the programs installed; `warm up` finds everything there. Memory is each
process's proportional share (PSS), so that shared pages count once. Goals: warm up under 20 s, under 1.2 GB for all.
`--install` also times a first installation from the lock into a fresh copy of the checkout.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.own_stack import free_ports
from pilothouse.settings import CHECKOUT
from stack.footprint import measure
from stack.home import Home
from stack.scratch import scratch_home
from stack.supervisor import Control

WARM_UPS = 3
SETTLE_S = 20  # the bot has looked at its first candles by then
KB_PER_MB = 1024
ENVIRONMENTS = (".venv", ".venv-freqtrade")

console = Console()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="also time a first installation")
    table = Table("what", "value")
    if parser.parse_args().install:
        for what, value in install():
            table.add_row(what, value)
    with scratch_home() as root:
        environment = own_environment(root)
        try:
            table.add_row("first up", f"{timed(environment, 'up', '--detach'):.1f} s")
            seconds: list[float] = []
            for _ in range(WARM_UPS):
                timed(environment, "down")
                seconds.append(timed(environment, "up", "--detach"))
            table.add_row(f"warm up, median of {WARM_UPS}", f"{statistics.median(seconds):.1f} s")
            time.sleep(SETTLE_S)
            for what, value in memory(root):
                table.add_row(what, value)
        finally:
            table.add_row("down", f"{timed(environment, 'down'):.1f} s")
    for name in ENVIRONMENTS:
        table.add_row(f"disk, {name}", disk(CHECKOUT / name))
    console.print(table)


def own_environment(root: Path) -> dict[str, str]:
    """A home and ports that collide with nobody's."""
    ports = {name: str(port) for name, port in free_ports().items()}
    return {**os.environ, **ports, "PILOTHOUSE_HOME": str(root)}


def timed(environment: dict[str, str], *words: str, checkout: Path = CHECKOUT) -> float:
    """Seconds one command takes."""
    started = time.monotonic()
    command = [str(checkout / "bin" / "pilothouse"), *words]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def memory(root: Path) -> list[tuple[str, str]]:
    """MB of each process and of all."""
    states = Control(Home(root)).states()
    shares = measure(state.pid for state in states.values())
    rows = [(f"memory, {name}", f"{shares[state.pid] / KB_PER_MB:.0f} MB") for name, state in states.items()]
    return [*rows, ("memory, all", f"{sum(shares.values()) / KB_PER_MB:.0f} MB")]


def install() -> list[tuple[str, str]]:
    """A first installation, with whatever the package cache of this machine holds already."""
    with tempfile.TemporaryDirectory(prefix="pilothouse-install-") as folder:
        checkout = Path(folder) / "checkout"
        subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(checkout)], check=True)
        ours = timed(dict(os.environ), "--help", checkout=checkout)
        started = time.monotonic()
        program = "from pathlib import Path; from stack.installation import ensure_installed; "
        program += "ensure_installed(Path('.venv-freqtrade'), print)"
        subprocess.run([str(checkout / ".venv/bin/python"), "-c", program], cwd=checkout, check=True)
        bot = time.monotonic() - started
        return [
            ("first install, ours", f"{ours:.0f} s, {disk(checkout / '.venv')}"),
            ("first install, freqtrade", f"{bot:.0f} s, {disk(checkout / '.venv-freqtrade')}"),
        ]


def disk(folder: Path) -> str:
    """What a folder takes, links counted once."""
    if not folder.exists():
        return "not installed"
    kilobytes = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=True).stdout.split()[0]
    return f"{int(kilobytes) / KB_PER_MB:.0f} MB"


if __name__ == "__main__":
    main()
