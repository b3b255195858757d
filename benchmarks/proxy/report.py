"""The figures as a table: medians over the rounds, ratios within each round, the goals, and whether they are met."""

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.measure import middle
from benchmarks.proxy.doors import DIRECT, FLOOR, OURS, PEER, POSTGRES, Door
from benchmarks.proxy.rounds import PACED_STREAMS, REQUESTS, SERVER, STREAMS, Round, Sample, Work

REQUESTS_GOAL = 8
STREAMS_GOAL = 20
MEMORY_GOAL = 1 / 5
ADDED_GOAL_MS = 3
CPU_GOAL = 2.5

Value = Callable[[Sample, Sample], float | None]  # of a door's sample, and of the direct one of the same round


@dataclass(frozen=True)
class Row:
    """One thing that was measured in every round."""

    name: str
    work: Work
    value: Value
    shown: str = "{:.1f}"
    compared: bool = True

    def values(self, rounds: Sequence[Round], door: str) -> list[float | None]:
        """One a round; none where nothing was whole."""
        return [self._of(each, door) for each in rounds]

    def median(self, rounds: Sequence[Round], door: str) -> float | None:
        """The door's figure."""
        return middle([value for value in self.values(rounds, door) if value is not None])

    def ratio(self, rounds: Sequence[Round], other: str) -> float | None:
        """Ours as a multiple of the other's, in the median round."""
        pairs = zip(self.values(rounds, OURS), self.values(rounds, other), strict=True)
        ratios = [ours / others for ours, others in pairs if ours is not None and others]
        return statistics.median(ratios) if ratios else None

    def _of(self, played: Round, door: str) -> float | None:
        sample = played.get((door, self.work))
        return self.value(sample, played[DIRECT, self.work]) if sample and sample.total_ms else None


def _rate(sample: Sample, _: Sample) -> float:
    return sample.per_second


def _added_p50(sample: Sample, direct: Sample) -> float | None:
    return None if sample is direct else sample.p50_ms - direct.p50_ms


def _added_p95(sample: Sample, direct: Sample) -> float | None:
    return None if sample is direct else sample.p95_ms - direct.p95_ms


def _first_word(sample: Sample, _: Sample) -> float | None:
    return middle(list(sample.first_word_ms))


def _cpu(process: str) -> Value:
    return lambda sample, _: sample.cpu_ms.get(process)


def _rows(work: Work, unit: str) -> list[Row]:
    first_word = [Row("first token p50 ms", work, _first_word)] if work.streamed else []
    return [
        Row(f"{work.at_once} at once: {unit}s/s", work, _rate),
        Row("added p50 ms", work, _added_p50),
        Row("added p95 ms", work, _added_p95),
        *first_word,
        Row(f"CPU ms/{unit}", work, _cpu(SERVER), shown="{:.2f}"),
        Row("... beside it PostgreSQL", work, _cpu(POSTGRES), shown="{:.2f}", compared=False),
    ]


SECTIONS = (
    [row for work in REQUESTS for row in _rows(work, "request")],
    [row for work in STREAMS for row in _rows(work, "stream")],
    [
        Row("32 at once, a token every 20 ms: first token p50 ms", PACED_STREAMS, _first_word),
        Row("CPU ms/stream", PACED_STREAMS, _cpu(SERVER), shown="{:.2f}"),
        Row("... beside it PostgreSQL", PACED_STREAMS, _cpu(POSTGRES), shown="{:.2f}", compared=False),
    ],
)


def table(doors: Sequence[Door], rounds: Sequence[Round], memory_mb: Mapping[str, float]) -> Table:
    """A column a door, a line a measurement."""
    shown = Table("", *(door.label for door in doors), "ours / peer", "ours / floor")
    for section in SECTIONS:
        for row in section:
            cells = [_cell(row.median(rounds, door.name), row.shown) for door in doors]
            ratios = [row.ratio(rounds, other) if row.compared else None for other in (PEER, FLOOR)]
            shown.add_row(row.name, *cells, *(_cell(each, "{:.2f} x") for each in ratios))
        shown.add_section()
    for name, values in (("memory after all of it, MB", memory_mb), ("start-up s", _starts(doors))):
        cells = [_cell(values[door.name], "{:.1f}") for door in doors]
        ratios = [_quotient(values, other) for other in (PEER, FLOOR)]
        shown.add_row(name, *cells, *(_cell(each, "{:.2f} x") for each in ratios))
    return shown


def goals(rounds: Sequence[Round], memory_mb: Mapping[str, float]) -> list[str]:
    """Each goal, what came, and whether it is met."""
    rates = [
        _at_least(f"{work.name}/s at {work.at_once} at once", goal, Row("", work, _rate).ratio(rounds, PEER))
        for works, goal in ((REQUESTS, REQUESTS_GOAL), (STREAMS, STREAMS_GOAL))
        for work in works
    ]
    added = [
        _at_most(
            f"added p50 of {work.name}, one at a time",
            ADDED_GOAL_MS,
            Row("", work, _added_p50).median(rounds, OURS),
            "ms",
        )
        for work in (REQUESTS[0], STREAMS[0])
    ]
    cpu = [
        _at_most(
            f"CPU of {work.name}, {work.at_once} at once, the proxy's own",
            CPU_GOAL,
            Row("", work, _cpu(SERVER)).ratio(rounds, FLOOR),
            "x the floor's",
        )
        for work in (*REQUESTS, *STREAMS, PACED_STREAMS)
    ]
    memory = _at_most("memory", MEMORY_GOAL, _quotient(memory_mb, PEER), "x the peer's")
    return [*rates, memory, *added, *cpu]


def failures(rounds: Sequence[Round]) -> list[str]:
    """Which answers were not whole, and how often."""
    counted: Counter[tuple[str, str, int, str]] = Counter()
    for played in rounds:
        for (door, work), sample in played.items():
            for failure, times in sample.failures.items():
                counted[door, work.name, work.at_once, failure] += times
    return [
        f"failed in {door}, {name}, {at_once} at once, {times} times: {failure}"
        for (door, name, at_once, failure), times in counted.items()
    ]


def _at_least(what: str, goal: float, came: float | None) -> str:
    return _goal(f"{what}: at least {goal} x the peer's", came, "x", met=came is not None and came >= goal)


def _at_most(what: str, goal: float, came: float | None, unit: str) -> str:
    return _goal(f"{what}: at most {goal} {unit}", came, unit.partition(" ")[0], met=came is not None and came <= goal)


def _goal(what: str, came: float | None, unit: str, *, met: bool) -> str:
    if came is None:
        return f"not measured  {what}"
    return f"{'met   ' if met else 'missed'}  {what}: {came:.2f} {unit}"


def _starts(doors: Sequence[Door]) -> dict[str, float]:
    return {door.name: door.start_s for door in doors}


def _quotient(values: Mapping[str, float], other: str) -> float | None:
    return values[OURS] / values[other] if values.get(other) else None


def _cell(value: float | None, shown: str) -> str:
    return "-" if value is None else shown.format(value)
