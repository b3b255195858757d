"""`n8n`: an n8n of your own, for who has none."""

import typer
from rich.console import Console
from rich.markup import escape

from pilothouse.settings import StackSettings
from stack.home import find_home
from stack.n8n.installation import find_installation
from stack.n8n.installation import install as install_n8n
from stack.n8n.running import start_n8n, stop_n8n
from stack.n8n.server import OWNER_EMAIL
from stack.n8n.setup import recall as recall_setup
from stack.overview import look
from stack.running import recall
from stack.secrets import load_or_generate
from stack.supervisor import Control

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
console = Console(highlight=False, soft_wrap=True)


@app.callback()
def n8n() -> None:
    """An n8n of your own, beside the stack.

    [bold]Examples[/]

    bin/pilothouse n8n install

    bin/pilothouse n8n start
    """


@app.command()
def install() -> None:
    """Install n8n and the Node it needs: some five minutes and 2 GB, once a machine.

    [bold]Example[/]

    bin/pilothouse n8n install
    """
    installation = find_installation(StackSettings.load().n8n_installation)
    install_n8n(installation, _report)
    console.print(f"n8n is installed in {escape(str(installation.folder))}; next: bin/pilothouse n8n start")


@app.command()
def start() -> None:
    """Set it up, the first time, and run it with the stack from now on.

    [bold]Example[/]

    bin/pilothouse n8n start
    """
    server = start_n8n(StackSettings.load(), _report)
    console.print(f"n8n is ready at {server.url}")
    console.print(f"sign in as {OWNER_EMAIL}; its password: bin/pilothouse n8n password")


@app.command()
def stop() -> None:
    """Stop it, and leave it out of the stack until it is started again. Its data stays.

    [bold]Example[/]

    bin/pilothouse n8n stop
    """
    stopped = stop_n8n(find_home(StackSettings.load()))
    console.print("n8n is stopped; its data stays" if stopped else "n8n was not started here")


@app.command()
def status() -> None:
    """Whether it is installed, set up and running.

    [bold]Example[/]

    bin/pilothouse n8n status
    """
    settings = StackSettings.load()
    home = find_home(settings)
    installation = find_installation(settings.n8n_installation)
    console.print(f"installed: {escape(str(installation.folder)) if installation.is_complete else 'no'}")
    console.print(f"set up: {'yes' if recall_setup(home) else 'no'}")
    control = Control(home)
    rows = look(control, recall(home)) if control.is_up() else []
    running = [row for row in rows if row.name == "n8n"]
    console.print(f"running: {running[0].state + ' at ' + running[0].url if running else 'no'}")


@app.command()
def password() -> None:
    """Show the password of its owner, to sign in to its editor.

    [bold]Example[/]

    bin/pilothouse n8n password
    """
    console.print(load_or_generate(find_home(StackSettings.load()).secrets)["n8n_owner_password"])


def _report(line: str) -> None:
    console.print(f"[dim]{escape(line)}[/]")
