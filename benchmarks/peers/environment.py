"""An environment of its own for each peer, outside the clone: made once from pinned requirements, then kept."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pilothouse.errors import UnavailableError
from pilothouse.settings import CHECKOUT

Report = Callable[[str], None]

FOLDER = Path(__file__).parent
STAMP = "installed"
VERSION = re.compile(r"^(\d+)\.(\d+)")
HINT = "uv python install 3.12, or put a python3.12 on the path; or leave the peer out with --only"


def ensure_installed(name: str, *, min_python: tuple[int, int], report: Report) -> Path:
    """The folder with the peer's programs; installed when its requirements are new."""
    requirements = FOLDER / name / "requirements.txt"
    python = find_python(min_python)
    wanted = hashlib.sha256(requirements.read_bytes() + python.encode()).hexdigest()
    environment = _cache() / f"{name}-{wanted[:12]}"
    if not (environment / STAMP).exists():
        report(f"{name}: installing into {environment}, once")
        _uv("venv", "--quiet", "--clear", "--python", python, str(environment))
        _uv("pip", "install", "--quiet", "--python", str(environment / "bin" / "python"), "-r", str(requirements))
        (environment / STAMP).touch()
    return environment / "bin"


def version_of(name: str, package: str) -> str:
    """The version of `package` that a peer is pinned to."""
    pins = (FOLDER / name / "requirements.txt").read_text()
    return next(line.removeprefix(f"{package}==") for line in pins.splitlines() if line.startswith(f"{package}=="))


def find_python(minimum: tuple[int, int]) -> str:
    """Our own interpreter where it is recent enough, else uv's choice or one of pyenv's; else a clear error."""
    if sys.version_info[:2] >= minimum:
        return str(Path(sys.executable).resolve())
    wanted = ".".join(map(str, minimum))
    try:
        return _uv("python", "find", "--no-python-downloads", "--no-project", f">={wanted}").strip()
    except UnavailableError:  # pyenv's shims also make uv give up, when none of them is switched on
        root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    fitting = [path for path in root.glob("versions/*/bin/python") if _version(path) >= minimum]
    if not fitting:
        raise UnavailableError(f"no Python {wanted} or later was found on this machine", hint=HINT)
    return str(min(fitting, key=_version))


def _version(python: Path) -> tuple[int, int]:
    found = VERSION.match(python.parents[1].name)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "pilothouse" / "peers"


def _uv(*words: str) -> str:
    own = CHECKOUT / ".uv" / "uv"
    program = str(own) if own.exists() else shutil.which("uv") or "uv"
    try:
        return subprocess.run([program, *words], capture_output=True, text=True, check=True).stdout
    except subprocess.CalledProcessError as error:
        raise UnavailableError(
            f"uv {words[0]} failed: {error.stderr.strip()[-300:]}", hint="is PyPI reachable?"
        ) from error
    except OSError as error:
        raise UnavailableError("uv was not found", hint="start with bin/pilothouse") from error
