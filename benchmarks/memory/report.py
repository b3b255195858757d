"""The figures as tables, the goals, and whether they are met."""

from collections.abc import Callable, Sequence

from rich.table import Table

from benchmarks.memory.children import LABELS, Figures, Measured
from benchmarks.memory.jobs import OURS
from benchmarks.memory.quality import Quality

SEARCH_GOAL_MS = 10
EMBEDDED_GOAL_MS = 30
RECALL_GOAL = 0.70

Cell = Callable[[Figures], str]


def _spread(name: str) -> Cell:
    return lambda figures: _ms(figures.get(name))


def _embedded(name: str) -> Cell:
    return lambda figures: _ms(figures.get("embedded", {}).get(name))


def _ms(spread: dict[str, float] | None) -> str:
    return f"{spread['p50_ms']:.1f} / {spread['p95_ms']:.1f}" if spread else ""


def _memory(figures: Figures) -> str:
    return f"{figures['resident_mb']:.0f} / {figures['proportional_mb']:.0f}"


ROWS: Sequence[tuple[str, Cell]] = (
    ("search, without the embedding: p50 / p95 ms", _spread("search")),
    ("a user's first search: p50 / p95 ms", _spread("first")),
    ("searches a second, 8 at once", lambda figures: f"{figures['searches_per_s']:.1f}"),
    ("embedding a question: p50 / p95 ms", _embedded("embedding")),
    ("search with the embedding: p50 / p95 ms", _embedded("search")),
    ("add one, without the embedding: p50 / p95 ms", _spread("add")),
    ("add one, with the embedding: p50 / p95 ms", _embedded("add")),
    ("filled, many at a time: memories/s", lambda figures: f"{figures['filled_per_s']:.0f}"),
    ("opened again, to the first answer: s", lambda figures: f"{figures['opened_s']:.2f}"),
    ("memory RSS / PSS, without the embedder: MB", _memory),
    ("the same with it: MB", lambda figures: _memory(figures["embedded"]) if "embedded" in figures else ""),
)


def speed_table(measured: Sequence[Measured]) -> Table:
    """One column a store and size."""
    table = Table(title="Speed", title_justify="left")
    table.add_column("")
    for each in measured:
        users = f"{each.users:,} user{'s' if each.users > 1 else ''}"
        table.add_column(f"{LABELS[each.peer]}\n{each.memories:,} of {users}", justify="right")
    for name, cell in ROWS:
        table.add_row(name, *(cell(each.figures) if each.figures else "-" for each in measured))
    return table


def quality_table(qualities: Sequence[Quality]) -> Table:
    """One row a way to search."""
    table = Table(title="Evidence that is found", title_justify="left")
    for name in ("", "R@1", "R@5", "R@10", "R@20", "any in 10", "search p50 / p95 ms"):
        table.add_column(name, justify="right" if name else "left")
    for each in qualities:
        shares = [f"{each.recall[k]:.3f}" for k in (1, 5, 10, 20)]
        table.add_row(each.name, *shares, f"{each.any_in_10:.3f}", _ms(each.search) if each.search else "")
    return table


def speed_goals(measured: Sequence[Measured]) -> list[str]:
    """At the most memories of many users."""
    ours = [each for each in measured if each.peer == OURS and each.figures and each.users > 1]
    if not ours:
        return []
    biggest = max(ours, key=lambda each: each.memories)
    figures = biggest.figures or {}
    bare, first = figures["search"]["p95_ms"], figures["first"]["p95_ms"]
    embedded = figures["embedded"]["search"]["p95_ms"]
    return [
        _goal(f"search p95 at {biggest.memories:,}", bare, SEARCH_GOAL_MS),
        _goal(f"a user's first search p95 at {biggest.memories:,}", first, SEARCH_GOAL_MS),
        _goal(f"search with embedding p95 at {biggest.memories:,}", embedded, EMBEDDED_GOAL_MS),
    ]


def quality_goal(qualities: Sequence[Quality]) -> str:
    """On the public conversations."""
    ours = next(each for each in qualities if each.name == LABELS[OURS])
    met = "met" if ours.recall[10] >= RECALL_GOAL else "NOT met"
    return f"recall@10 {ours.recall[10]:.3f}, goal at least {RECALL_GOAL:.2f} on all of LoCoMo: {met}"


def _goal(name: str, found_ms: float, goal_ms: float) -> str:
    return f"{name}: {found_ms:.1f} ms, goal below {goal_ms} ms: {'met' if found_ms < goal_ms else 'NOT met'}"
