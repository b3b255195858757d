"""`check`: format, lint, types and import direction, at once; what CI runs first."""

import subprocess
import sys
import time
from pathlib import Path

import typer

from pilothouse.settings import CHECKOUT

TOOLS = Path(sys.executable).parent
CHECKS = (("ruff", "format", "--check", "."), ("ruff", "check", "."), ("pyright",), ("lint-imports",))


def check() -> None:
    """Check format, lint, types and imports.

    [bold]Example[/]

    bin/pilothouse check
    """
    started = time.monotonic()
    running = [(command, _start(command)) for command in CHECKS]
    failed = [" ".join(command) for command, process in running if not _passes(command, process)]
    typer.echo(f"{len(CHECKS) - len(failed)} of {len(CHECKS)} passed in {time.monotonic() - started:.0f} s")
    if failed:
        raise typer.Exit(1)


def _start(command: tuple[str, ...]) -> subprocess.Popen[str]:
    program = [str(TOOLS / command[0]), *command[1:]]
    return subprocess.Popen(program, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _passes(command: tuple[str, ...], process: subprocess.Popen[str]) -> bool:
    output, _ = process.communicate()
    passed = process.returncode == 0
    typer.echo(f"{'ok  ' if passed else 'FAIL'} {' '.join(command)}")
    if not passed:
        typer.echo(output)
    return passed
