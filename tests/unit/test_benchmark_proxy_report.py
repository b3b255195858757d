"""What `bench proxy` makes of its figures: ratios within a round, medians over the rounds, goals met and missed."""

import pytest
from rich.console import Console

from benchmarks.proxy.doors import DIRECT, FLOOR, OURS, PEER, POSTGRES, Door
from benchmarks.proxy.report import failures, goals, table
from benchmarks.proxy.rounds import SERVER, WORKS, Round, Sample

DOORS = [Door(name, name, "http://nowhere", pid=1, start_s=1) for name in (DIRECT, FLOOR, OURS, PEER)]
MEMORY_MB = {DIRECT: 20.0, FLOOR: 40.0, OURS: 80.0, PEER: 400.0}


def sample(*, per_second: float, p50_ms: float = 1, cpu_ms: float = 1, failed: int = 0) -> Sample:
    whole = 100 - failed
    return Sample(
        total_ms=[p50_ms] * whole,
        first_word_ms=[p50_ms] * whole,
        failures={"not whole": failed} if failed else {},
        seconds=100 / per_second,
        cpu_ms={SERVER: cpu_ms, POSTGRES: 7},
    )


def a_round(*, ours_per_second: float, ours_ms: float, ours_cpu_ms: float, slowness: float = 1) -> Round:
    """`slowness`: of the machine, which everybody suffers."""
    played: Round = {}
    for work in WORKS:
        played[DIRECT, work] = sample(per_second=1000 / slowness)
        played[FLOOR, work] = sample(per_second=500 / slowness, cpu_ms=slowness)
        played[OURS, work] = sample(
            per_second=ours_per_second / slowness, p50_ms=ours_ms, cpu_ms=ours_cpu_ms * slowness
        )
        played[PEER, work] = sample(per_second=10 / slowness, p50_ms=50, cpu_ms=40)
    return played


def line(rounds: list[Round], name: str) -> list[str]:
    console = Console(width=200)
    with console.capture() as shown:
        console.print(table(DOORS, rounds, MEMORY_MB))
    found = next(each for each in shown.get().splitlines() if name in each)
    return [cell.strip() for cell in found.split("│")[2:-1]]


def test_the_table_shows_a_column_a_door_and_both_ratios() -> None:
    rounds = [a_round(ours_per_second=200, ours_ms=3, ours_cpu_ms=2)]

    assert line(rounds, "32 at once: streams/s") == ["1000.0", "500.0", "200.0", "10.0", "20.00 x", "0.40 x"]
    assert line(rounds, "added p50 ms") == ["-", "0.0", "2.0", "49.0", "0.04 x", "-"]
    assert line(rounds, "memory") == ["20.0", "40.0", "80.0", "400.0", "0.20 x", "2.00 x"]


def test_a_slow_moment_of_the_machine_changes_no_ratio() -> None:
    even = [a_round(ours_per_second=200, ours_ms=3, ours_cpu_ms=2) for _ in range(3)]
    uneven = [a_round(ours_per_second=200, ours_ms=3, ours_cpu_ms=2, slowness=each) for each in (1, 3, 9)]

    assert (
        line(uneven, "1 at once: requests/s")[-2:] == line(even, "1 at once: requests/s")[-2:] == ["20.00 x", "0.40 x"]
    )


@pytest.mark.parametrize(
    ("per_second", "ms", "cpu_ms", "memory_mb", "expected"),
    [
        (200, 4, 2.5, 80, {"met": 16}),
        (199, 4, 2.5, 80, {"met": 13, "missed": 3}),  # streams/s
        (79, 4.1, 2.6, 81, {"missed": 16}),
    ],
)
def test_a_goal_is_met_at_its_limit_and_missed_beyond(
    per_second: float, ms: float, cpu_ms: float, memory_mb: float, expected: dict[str, int]
) -> None:
    rounds = [a_round(ours_per_second=per_second, ours_ms=ms, ours_cpu_ms=cpu_ms)]

    words = [each.split()[0] for each in goals(rounds, MEMORY_MB | {OURS: memory_mb})]

    assert {word: words.count(word) for word in set(words)} == expected


def test_without_the_peer_its_goals_are_not_measured_and_ours_are() -> None:
    alone = {
        key: each for key, each in a_round(ours_per_second=200, ours_ms=3, ours_cpu_ms=2).items() if key[0] != PEER
    }

    words = [each.split("  ")[0] for each in goals([alone], {OURS: 80})]

    assert words == ["not measured"] * 7 + ["met"] * 9


def test_answers_that_are_not_whole_are_told_and_are_no_rate() -> None:
    played = a_round(ours_per_second=200, ours_ms=3, ours_cpu_ms=2)
    played[OURS, WORKS[0]] = sample(per_second=200, failed=50)

    assert failures([played, played]) == ["failed in pilothouse, requests, 1 at once, 100 times: not whole"]
    assert line([played], "1 at once: requests/s")[2] == "100.0"
