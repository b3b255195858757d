"""`test`: run the tests; every argument goes on to pytest."""

import os
import sys
from typing import Annotated

import typer

from pilothouse.settings import CHECKOUT, StackSettings
from stack.n8n.installation import find_installation, install

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}
N8N_TESTS = "tests/n8n"

WithN8n = Annotated[bool, typer.Option("--n8n", help="Those on the real n8n instead, which is installed if need be.")]


def test(context: typer.Context, *, n8n: WithN8n = False) -> None:  # noqa: PT028 -- a command, not a test
    """Run the tests; arguments are pytest's.

    [bold]Examples[/]

    bin/pilothouse test

    bin/pilothouse test tests/unit -k keys

    bin/pilothouse test --n8n
    """
    arguments = list(context.args)
    if n8n:
        install(find_installation(StackSettings.load().n8n_installation), typer.echo)
        arguments.append(N8N_TESTS)
    os.chdir(CHECKOUT)
    # In place of this process, so that Ctrl-C reaches the tests alone and they stop what they started.
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606 -- no shell wanted
