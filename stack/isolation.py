"""Programs under a numeric uid of their own, tied to their parent's life, through util-linux `setpriv`.

No user is created and no folder's rights are changed: who cannot reach a program is found out by trying.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pilothouse.errors import SettingsError

FIRST_UID = 38700  # Debian keeps 30000-59999 free, and user namespaces map what is below 65536
PROBE_TIMEOUT_S = 20


def confined(command: Sequence[str], *, uid: int | None, death_signal: str = "TERM") -> list[str]:
    """`command` under `uid` (None: our own), unable to gain rights, signalled when its parent dies."""
    identity = [] if uid is None else ["--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    return [_setpriv(), "--nnp", "--pdeathsig", death_signal, *identity, *command]


def can_run(command: Sequence[str], *, uid: int | None) -> bool:
    """Whether `command` succeeds under `uid`: the only honest answer to 'is it reachable?'."""
    # Through `env`: setpriv itself may still have root's capabilities when it executes its program.
    probe = confined(["env", *command], uid=uid)
    return subprocess.run(probe, capture_output=True, cwd="/", timeout=PROBE_TIMEOUT_S, check=False).returncode == 0


def require_reachable(folder: Path, *, uid: int | None) -> None:
    """Say clearly what to do when `uid` cannot enter `folder`."""
    if uid is None or can_run(["test", "-x", str(folder)], uid=uid):
        return
    raise SettingsError(
        f"uid {uid}, which must not be root, cannot enter {folder}",
        hint="set PILOTHOUSE_HOME to a folder whose parents all may be entered, for instance /var/lib/pilothouse",
    )


def private_folder(folder: Path, *, uid: int | None) -> Path:
    """`folder`, entered by `uid` only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if uid is not None:
        os.chown(folder, uid, uid)
    folder.chmod(0o700)
    return folder


def give(folder: Path, *, uid: int) -> None:
    """Make `uid` the owner of `folder` and everything in it."""
    os.chown(folder, uid, uid)
    for path in folder.rglob("*"):
        os.chown(path, uid, uid, follow_symlinks=False)


def _setpriv() -> str:
    found = shutil.which("setpriv", path=os.defpath + ":/usr/sbin:/sbin")
    if found is None:
        raise SettingsError("the program 'setpriv' is missing", hint="install util-linux")
    return found
