"""`test`: run the tests; every argument goes on to pytest."""

import subprocess
import sys

import typer

from pilothouse.settings import CHECKOUT

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}


def test(context: typer.Context) -> None:
    """Run the tests; arguments are pytest's.

    [bold]Examples[/]

    bin/pilothouse test

    bin/pilothouse test tests/unit -k keys
    """
    done = subprocess.run([sys.executable, "-m", "pytest", *context.args], cwd=CHECKOUT, check=False)
    raise typer.Exit(done.returncode)
