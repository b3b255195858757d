"""Freqtrade's environment: installed from the lock beside ours, because it is GPL-3 and never imported by us."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pilothouse.errors import UnavailableError
from pilothouse.settings import CHECKOUT
from stack.turns import alone

LOCK = CHECKOUT / "uv.lock"
STAMP = "pilothouse-lock.sha256"
WAITING = "another bin/pilothouse is installing Freqtrade; waiting for it"
CLOSED = "let the owner of this checkout start it once, or clone it into a folder of your own"

Report = Callable[[str], None]


def ensure_installed(environment: Path, report: Report) -> Path:
    """Install the lock's `freqtrade` group into an environment of its own; returns its Python. Quick when done."""
    stamp, wanted = environment / STAMP, hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not _is_stamped(stamp, wanted):
        with alone(environment.with_name(environment.name + ".lock"), report, waiting=WAITING, hint=CLOSED):
            if not _is_stamped(stamp, wanted):
                _install(environment, report)
                stamp.write_text(wanted)
    return environment / "bin" / "python"


def _is_stamped(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text() == wanted


def _install(environment: Path, report: Report) -> None:
    report("installing Freqtrade: about a minute and 600 MB, once")
    if not (environment / STAMP).exists():  # cut off half-way: uv would take what is there for whole
        shutil.rmtree(environment, ignore_errors=True)
    (environment / STAMP).unlink(missing_ok=True)
    _sync(environment, report)


def _sync(environment: Path, report: Report) -> None:
    command = [find_uv(), "sync", "--frozen", "--only-group", "freqtrade", "--no-install-project"]
    variables = os.environ | {"UV_PROJECT_ENVIRONMENT": str(environment)}
    with subprocess.Popen(
        [*command, "--python", sys.executable],
        cwd=CHECKOUT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        lines = [line.strip() for line in _lines(process, report)]
    if process.returncode:
        hint = "check the network and the free space, then run the same command again"
        raise UnavailableError(f"Freqtrade could not be installed: {' '.join(lines[-3:])}", hint=hint)


def _lines(process: subprocess.Popen[str], report: Report) -> list[str]:
    assert process.stdout is not None  # noqa: S101 -- opened as a pipe just above
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line)
        if not line.lstrip().startswith(("+", "-", "~")):  # one such line a package: too many to show
            report(line.strip())
    return seen


def find_uv() -> str:
    """Our own pinned one, else what is on the PATH."""
    own = CHECKOUT / ".uv" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found:
        return found
    raise UnavailableError("uv is needed and was not found", hint="start with bin/pilothouse")
