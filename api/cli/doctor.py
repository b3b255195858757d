"""`doctor`: what is right, doubtful or wrong on this machine, and what to do about it."""

import typer
from rich.console import Console
from rich.markup import escape

from pilothouse.settings import StackSettings
from stack.checkup import examine

COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor() -> None:
    """Look for what keeps the stack from running well; starts and stops nothing.

    [bold]Example[/]

    bin/pilothouse doctor
    """
    console = Console(highlight=False, soft_wrap=True)
    findings = examine(StackSettings.load())
    for finding in findings:
        advice = f" [dim]-> {escape(finding.advice)}[/]" if finding.advice else ""
        console.print(f"[{COLORS[finding.level]}]{finding.level:<4}[/] {escape(finding.what)}{advice}")
    if any(finding.level == "fail" for finding in findings):
        raise typer.Exit(1)
