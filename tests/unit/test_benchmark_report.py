"""What `bench turns` makes of its figures: ratios, the best peer, goals met and missed."""

from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks.measure import Figures, Load, Piece
from benchmarks.processes import percentile
from benchmarks.report import ROWS, best, goals, ratio, table

CPU, RATE = (next(row for row in ROWS if row.name.endswith(name)) for name in ("CPU ms/turn", "turns/s"))


def load(*, at_once: int, cpu_ms: float, per_second: float, failed: int = 0) -> Load:
    whole = 100 - failed
    return Load(
        at_once=at_once,
        turns=100,
        failed=failed,
        failures={"not whole": failed} if failed else {},
        curtailed=0,
        seconds=whole / per_second if whole else 1,
        total_ms=[10.0] * whole,
        first_word_ms=[5.0] * whole,
        server_cpu_ms=cpu_ms,
        cpu_ms={"server": cpu_ms},
        load_average=1,
    )


def figures(name: str, *, cpu_ms: float, per_second: float, growth: float = 1, failed: int = 0) -> Figures:
    loads = {each: load(at_once=each, cpu_ms=cpu_ms, per_second=per_second, failed=failed) for each in (1, 32, 100)}
    ends = [Piece(until, total_ms, cpu_ms, {"server": cpu_ms}) for until, total_ms in ((20, 50), (500, 50 * growth))]
    return Figures(
        name=name,
        counted=["server"],
        loads=loads,
        thread=ends,
        thread_failures={},
        resident_mb={"server": 100},
        database_bytes=2000,
    )


FLOOR = figures("floor", cpu_ms=2, per_second=500)
PEERS = [figures("slow", cpu_ms=90, per_second=4), figures("quick", cpu_ms=60, per_second=10)]


def test_the_best_peer_is_the_cheapest_and_the_quickest() -> None:
    assert best(CPU, PEERS) == 60
    assert best(RATE, PEERS) == pytest.approx(10)


def test_a_peer_whose_every_turn_failed_is_nobodys_best() -> None:
    dead = figures("dead", cpu_ms=1, per_second=1, failed=100)

    assert best(CPU, [*PEERS, dead]) == 60
    assert best(RATE, [*PEERS, dead]) == pytest.approx(10)


def test_turns_a_second_are_whole_ones() -> None:
    half = replace(load(at_once=32, cpu_ms=1, per_second=1, failed=50), seconds=10)

    assert half.per_second == 5


@pytest.mark.parametrize(
    ("cpu_ms", "per_second", "growth", "expected"),
    [
        (20, 50, 1.5, ["met"] * 5),
        (21, 49, 1.6, ["missed"] * 5),
        (20, 49, 1.0, ["met", "met", "missed", "missed", "met"]),
    ],
)
def test_a_goal_is_met_at_its_limit_and_missed_beyond(
    cpu_ms: float, per_second: float, growth: float, expected: list[str]
) -> None:
    ours = figures("pilothouse", cpu_ms=cpu_ms, per_second=per_second, growth=growth)

    assert [line.split()[0] for line in goals(ours, PEERS)] == expected


def test_without_peers_their_goals_are_not_measured_and_ours_is() -> None:
    ours = figures("pilothouse", cpu_ms=20, per_second=50)

    lines = goals(ours, [])

    assert [line.split("  ")[0] for line in lines] == ["not measured"] * 4 + ["met"]


def test_the_table_shows_a_column_a_candidate_and_both_ratios() -> None:
    console = Console(width=200)
    ours = figures("pilothouse", cpu_ms=20, per_second=50)

    with console.capture() as shown:
        console.print(table(floor=FLOOR, ours=ours, peers=PEERS))

    cpu_line = next(line for line in shown.get().splitlines() if "CPU ms/turn" in line)
    assert [cell.strip() for cell in cpu_line.split("│")[2:-1]] == ["2.0", "20.0", "90.0", "60.0", "0.33 x", "10.00 x"]


def test_nothing_is_a_multiple_of_nothing() -> None:
    assert ratio(1, None) is None
    assert ratio(None, 1) is None
    assert ratio(1, 0) is None
    assert ratio(3, 2) == 1.5


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([float(each) for each in range(100)], 0.95) == 95
