"""What the program `pilothouse` begins with: Ctrl-C while everything else is imported ends it without a traceback."""

import signal


def main() -> None:
    """Run one command."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # not when the shell ignores it for us
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from api.cli.main import main as run  # noqa: PLC0415 -- takes half a second, in which Ctrl-C may come

    signal.signal(signal.SIGINT, usual)
    run()
