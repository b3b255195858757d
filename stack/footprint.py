"""How much memory processes use, children included; shared pages are counted once (PSS)."""

from collections.abc import Iterable
from pathlib import Path


def measure(pids: Iterable[int]) -> dict[int, int]:
    """Pid -> kB used by it and all its descendants; 0 where we may not look."""
    children = _children()
    return {pid: sum(_pss_kb(each) for each in _family(pid, children)) for pid in pids}


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # pid (name) state ppid ...; the name may hold anything, so count from its closing bracket
        fields = _read(stat).rpartition(")")[2].split()
        if fields:
            found.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    return found


def _family(pid: int, children: dict[int, list[int]]) -> list[int]:
    return [pid, *(each for child in children.get(pid, []) for each in _family(child, children))]


def _pss_kb(pid: int) -> int:
    rows = _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
    return next((int(row.split()[1]) for row in rows if row.startswith("Pss:")), 0)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it ended, or is not ours
        return ""
