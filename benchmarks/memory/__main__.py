"""Our memory beside stock Mem0: speed at 1,000 to 100,000 memories, and whether it finds what a question needs.

    bin/pilothouse bench memory
    bin/pilothouse bench memory --only quality --locomo path/to/locomo10.json
    bin/pilothouse bench memory --only speed --sizes 1000 10000 --without-peer

Speed: invented memories with vectors that cost next to nothing, so that the store is measured; the embedding of a
question is measured with the real model and stands apart. A store is filled by one process and opened by the next. The
peer is Mem0 as it comes, with qdrant-client's local mode in a folder: it searches by meaning alone, as it cannot fetch
its keyword encoder offline, and is asked less, as each of its searches takes seconds at 100,000. Neither speaks HTTP.

Quality: turns of conversations are stored, and each question should find those that answer it. No model is asked. BM25
is a textbook's, with statistics of its own for each conversation; stock Mem0 gets our keyword encoder, in its favour.
The public LoCoMo set is CC BY-NC and is not shipped: give its path. Without one, a small set of our own is used.

All that is stored is removed when it ends. The peer at 100,000 takes most of the ten minutes.
"""

import argparse
import hashlib
import os
import signal
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import command
from benchmarks.memory import locomo, report
from benchmarks.memory.children import Plan, measure_all, run
from benchmarks.memory.quality import Quality, QualityJob

SIZES = (1_000, 10_000, 100_000)
ONE_USER = 10_000
LOCOMO_SHA256 = "79fa87e90f04081343b8c8debecb80a9a6842b76a7aa537dc9fdf651ea698ff4"

console = Console(width=160, highlight=False, markup=False)


def main() -> None:
    """Measure and print."""
    options = _parse()
    command.leave_on(signal.SIGTERM)
    console.print(f"{os.cpu_count()} cores; load average {os.getloadavg()[0]:.1f} before")
    with tempfile.TemporaryDirectory(prefix="pilothouse-bench-") as folder:
        if options.only != "quality":
            _speed(options, Path(folder))
        if options.only != "speed":
            _quality(options, Path(folder))
    console.print(f"load average {os.getloadavg()[0]:.1f} after")


def _speed(options: argparse.Namespace, folder: Path) -> None:
    plan = Plan(
        sizes=options.sizes,
        most_users=options.users,
        memories_of_one=options.one_user,
        searches=options.searches,
        peer_searches=options.peer_searches,
        with_peer=not options.without_peer,
    )
    measured = measure_all(plan, folder, console.print)
    console.print(report.speed_table(measured))
    for line in report.speed_goals(measured):
        console.print(line)


def _quality(options: argparse.Namespace, folder: Path) -> None:
    path: Path = options.locomo or locomo.OWN
    job = QualityJob(path=path.resolve(), folder=folder / "quality", with_peer=not options.without_peer)
    qualities = [Quality.model_validate(each) for each in run("benchmarks.memory.quality", job)]
    public = hashlib.sha256(path.read_bytes()).hexdigest() == LOCOMO_SHA256
    source = "the public LoCoMo set" if public else f"{path.name}, which is not the public LoCoMo set"
    console.print(f"\n{qualities[0].questions} questions on {source}")
    console.print(report.quality_table(qualities))
    if public:
        console.print(report.quality_goal(qualities))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/pilothouse bench memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["speed", "quality"], help="one of the two")
    parser.add_argument("--locomo", type=Path, help="a file in the LoCoMo format (default: our own small set)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="memories (default: 1000 10000 100000)")
    parser.add_argument("--users", type=int, default=1000, help="at most, with 100 memories each (default %(default)s)")
    parser.add_argument("--one-user", type=int, default=ONE_USER, help="memories of one alone; 0: not (%(default)s)")
    parser.add_argument("--searches", type=int, default=500, help="ours (default %(default)s)")
    parser.add_argument("--peer-searches", type=int, default=20, help="the peer's (default %(default)s)")
    parser.add_argument("--without-peer", action="store_true", help="ours alone")
    options = parser.parse_args()
    if options.locomo and not options.locomo.is_file():
        parser.error(f"there is no file {options.locomo}")
    if min(options.sizes) < 100 or min(options.searches, options.peer_searches) < 2:
        parser.error("sizes are at least 100, searches at least 2")
    return options


if __name__ == "__main__":
    command.run(main)
