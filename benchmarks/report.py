"""The figures as a table: ourselves beside the floor and the peers, the goals, and whether they are met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.measure import Figures, Load, middle

CPU_GOAL = 1 / 3
RATE_GOAL = 5
GROWTH_GOAL = 1.5

Value = Callable[[Figures], float | None]


@dataclass(frozen=True)
class Row:
    """One thing that was measured."""

    name: str
    value: Value
    more_is_better: bool = False
    shown: str = "{:.1f}"
    compared: bool = True


def _load_value(at_once: int, value: Callable[[Load], float | None]) -> Value:
    return lambda figures: value(figures.loads[at_once])


def _cpu(at_once: int) -> Value:
    """Where every turn failed, little was done, and its price says nothing."""
    return _load_value(at_once, lambda load: load.server_cpu_ms if load.total_ms else None)


def _of_process(at_once: int, name: str) -> Value:
    return lambda figures: figures.loads[at_once].cpu_ms.get(name)


def _rate(at_once: int) -> Value:
    return lambda figures: figures.loads[at_once].per_second


def growth(figures: Figures) -> float | None:
    """How much longer a turn takes at the end of the long thread than at its beginning."""
    return figures.thread[-1].total_ms / figures.thread[0].total_ms if len(figures.thread) > 1 else None


def cpu_growth(figures: Figures) -> float | None:
    """The same for the server's CPU."""
    if len(figures.thread) < 2:
        return None
    return ratio(figures.thread[-1].server_cpu_ms, figures.thread[0].server_cpu_ms)


def _thread_turns(figures: Figures) -> float | None:
    return figures.thread[-1].until if figures.thread else None


def _curtailed(figures: Figures) -> float:
    return sum(each.curtailed for each in figures.loads.values())


def _failed(figures: Figures) -> float:
    return sum(figures.failures().values())


ROWS = (
    Row("1 at once: p50 ms", _load_value(1, lambda load: middle(load.total_ms))),
    Row("p95 ms", _load_value(1, lambda load: middle(load.total_ms, 0.95))),
    Row("first word p50 ms", _load_value(1, lambda load: middle(load.first_word_ms))),
    Row("first word p95 ms", _load_value(1, lambda load: middle(load.first_word_ms, 0.95))),
    Row("CPU ms/turn", _cpu(1)),
    Row("... of it our proxy", _of_process(1, "proxy"), compared=False),
    Row("... beside it our memory", _of_process(1, "memory"), compared=False),
    Row("32 at once: turns/s", _rate(32), more_is_better=True),
    Row("CPU ms/turn", _cpu(32)),
    Row("100 at once: turns/s", _rate(100), more_is_better=True),
    Row("p50 ms", _load_value(100, lambda load: middle(load.total_ms))),
    Row("CPU ms/turn", _cpu(100)),
    Row("... of it our proxy", _of_process(100, "proxy"), compared=False),
    Row("... beside it our memory", _of_process(100, "memory"), compared=False),
    Row("memory after all of it, MB", lambda figures: sum(figures.resident_mb[name] for name in figures.counted)),
    Row("database kB/turn", lambda figures: figures.database_bytes and figures.database_bytes / 1000),
    Row("thread: turns", _thread_turns, shown="{:.0f}", compared=False),
    Row("last turn / first turn", growth, shown="{:.2f}", compared=False),
    Row("last CPU / first CPU", cpu_growth, shown="{:.2f}", compared=False),
    Row("turns without recall", _curtailed, shown="{:.0f}", compared=False),
    Row("failed turns", _failed, shown="{:.0f}", compared=False),
)


def best(row: Row, peers: Sequence[Figures]) -> float | None:
    """The best peer's value."""
    values = [value for peer in peers if (value := row.value(peer)) is not None]
    return (max if row.more_is_better else min)(values, default=None)


def against_best(row: Row, ours: Figures, peers: Sequence[Figures]) -> float | None:
    """Ours as a multiple of the best peer's."""
    return ratio(row.value(ours), best(row, peers))


def ratio(value: float | None, other: float | None) -> float | None:
    """One as a multiple of the other."""
    return value / other if value is not None and other else None


def table(*, floor: Figures, ours: Figures | None, peers: Sequence[Figures]) -> Table:
    """A column a candidate, a line a measurement."""
    columns = [floor, *([ours] if ours else []), *peers]
    shown = Table("", *(each.name for each in columns), "ours / best peer", "ours / floor")
    for row in ROWS:
        cells = [_cell(row.value(each), row.shown) for each in columns]
        value = row.value(ours) if ours and row.compared else None
        ratios = (ratio(value, best(row, peers)), ratio(value, row.value(floor)))
        shown.add_row(row.name, *cells, *(_cell(each, "{:.2f} x") for each in ratios))
    return shown


def goals(ours: Figures, peers: Sequence[Figures]) -> list[str]:
    """Each goal, what came, and whether it is met."""
    lines: list[str] = []
    for at_once in (1, 100):
        came = against_best(Row("", _cpu(at_once)), ours, peers)
        what = f"CPU a turn at {at_once} at once, controller + proxy: at most {CPU_GOAL:.2f} x the best peer's"
        lines.append(_goal(what, came, met=came is not None and came <= CPU_GOAL))
    for at_once in (32, 100):
        came = against_best(Row("", _rate(at_once), more_is_better=True), ours, peers)
        what = f"turns/s at {at_once} at once: at least {RATE_GOAL} x the best peer's"
        lines.append(_goal(what, came, met=came is not None and came >= RATE_GOAL))
    came, turns = growth(ours), ours.thread[-1].until if ours.thread else 0
    what = f"turn {turns} of a thread: at most {GROWTH_GOAL} x turn 1"
    return [*lines, _goal(what, came, met=came is not None and came <= GROWTH_GOAL)]


def spread(figures: Figures) -> str:
    """Where the machine's CPU went at 100 at once: every process, those of others and our own load generator too."""
    by_process = ", ".join(f"{name} {value:.1f}" for name, value in figures.loads[100].cpu_ms.items())
    return f"{figures.name}: {by_process}"


def _goal(what: str, came: float | None, *, met: bool) -> str:
    if came is None:
        return f"not measured  {what}"
    return f"{'met   ' if met else 'missed'}  {what}: {came:.2f} x"


def _cell(value: float | None, shown: str) -> str:
    return "-" if value is None else shown.format(value)
