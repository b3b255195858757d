"""`worker`: one more process that executes background runs, beside a stack or on a machine of its own."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pilothouse.errors import SettingsError, UnavailableError
from pilothouse.settings import StackSettings, WorkerSettings
from stack.home import Home, find_home
from stack.lifecycle import find_running
from stack.processes import make_launcher

AtOnce = Annotated[int, typer.Option(min=1, max=100, help="How many runs it executes at once.")]


def worker(*, at_once: AtOnce = 8) -> None:
    """Execute background and scheduled runs, as one more process on the same database, until Ctrl-C.

    Beside a stack it uses the controller's secrets. On another machine it takes the same settings from the
    environment, or from a copy of the stack's secrets/controller.env named by PILOTHOUSE_SECRETS_FILE. Every address
    in it must be reachable from there: the embedded stack listens on 127.0.0.1 only, so tunnel its ports, for
    instance with ssh -L 8707:127.0.0.1:8707, and 8701, 8702 and 8703 likewise.

    [bold]Examples[/]

    bin/pilothouse worker

    bin/pilothouse worker --at-once 20

    PILOTHOUSE_SECRETS_FILE=controller.env bin/pilothouse worker
    """
    settings = StackSettings.load()
    home = find_home(settings)
    program = ("env", f"PILOTHOUSE_BACKGROUND_RUNS={at_once}", sys.executable, "-P", "-m", "api.worker")
    if (home.secrets / "controller.env").exists():
        program = _beside_the_stack(home, settings, program)
    else:
        _require_settings(home)
    os.execvp(program[0], program)  # noqa: S606 -- no shell is the point


def _beside_the_stack(home: Home, settings: StackSettings, program: Sequence[str]) -> tuple[str, ...]:
    """As the controller runs: under its uid, with nothing in its environment but what it reads."""
    if find_running(settings) is None:
        raise UnavailableError(f"the stack in {home.root} is not running", hint="start it with bin/pilothouse up")
    return make_launcher(home, settings, pythons=[Path(sys.executable)]).command("controller", program)


def _require_settings(home: Home) -> None:
    try:
        WorkerSettings.load()
    except SettingsError as error:
        hint = "start a stack with bin/pilothouse up, or see bin/pilothouse worker --help"
        raise SettingsError(f"there is no stack in {home.root}, and {error.message}", hint=hint) from error
