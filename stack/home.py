"""Where the embedded stack keeps its data, and what each folder in it is for."""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pilothouse.errors import SettingsError
from pilothouse.settings import CHECKOUT, StackSettings
from stack.isolation import FIRST_UID, can_run
from stack.secrets import GENERATED

SYSTEM_HOME = Path("/var/lib/pilothouse")
MAX_SOCKET_PATH = 107  # the kernel's limit for a Unix socket
HARMLESS = {"secrets", "logs", "run", "compose", "lost+found"}  # a first start that was cut off, a fresh disk
UNUSABLE = re.compile(r"""[;#%'"\\\n]""")  # signs with a meaning in supervisord's configuration


@dataclass(frozen=True)
class Home:
    """The data home: may be entered by every process, listed by its owner only."""

    root: Path

    @property
    def secrets(self) -> Path:
        """One owner-only file a process."""
        return self.root / "secrets"

    @property
    def approver_key(self) -> Path:
        """The private key with which this machine's owner decides; no process of the stack has it."""
        return self.secrets / "approver.pem"

    @property
    def logs(self) -> Path:
        """One file a process, rotated."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """The supervisor's configuration, socket and pid."""
        return self.root / "run"

    def prepare(self) -> None:
        """Make the folders; a clear error when that is not possible."""
        _require_usable_name(self)
        _require_ours(self)
        _make(self.root, 0o711, kept=True)
        for folder, mode in ((self.secrets, 0o711), (self.logs, 0o700), (self.run, 0o700)):
            _make(folder, mode)


def find_home(settings: StackSettings) -> Home:
    """PILOTHOUSE_HOME, else `var/` in the checkout, else, for a root whose checkout is closed, /var/lib/pilothouse."""
    if settings.home is not None:
        return Home(_absolute(settings.home.expanduser()))
    if os.geteuid() == 0 and not can_run(["test", "-x", str(CHECKOUT)], uid=FIRST_UID):
        return Home(SYSTEM_HOME)
    return Home(CHECKOUT / "var")


def _absolute(folder: Path) -> Path:
    if folder.is_absolute():
        return folder
    hint = f"write the whole path, such as {folder.absolute()}"
    raise SettingsError(f"PILOTHOUSE_HOME must not depend on where you stand: {folder}", hint=hint)


def _make(folder: Path, mode: int, *, kept: bool = False) -> None:
    """`kept`: a folder that was there stays as it is."""
    try:
        known = folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if not (known and kept):
            folder.chmod(mode)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        raise SettingsError(
            f"{folder} cannot be written: {reason}", hint="make it writable, or set PILOTHOUSE_HOME elsewhere"
        ) from error


def _require_ours(home: Home) -> None:
    """Rights of folders called `run` or `secrets` are about to be changed: not in `/`, nor in a person's own folder."""
    try:
        foreign = sorted({path.name for path in home.root.iterdir()} - HARMLESS)
    except OSError:  # not there yet, or closed to us: the next step says it better
        return
    if foreign and not home.secrets.joinpath(GENERATED).exists():
        raise SettingsError(
            f"{home.root} is not a data home: it has {', '.join(foreign[:3])} but no secrets/{GENERATED}",
            hint="set PILOTHOUSE_HOME to a new or empty folder; if it is a data home, restore that file from a backup",
        )


def _require_usable_name(home: Home) -> None:
    socket = home.run / "supervisor.sock"
    if len(os.fsencode(socket)) > MAX_SOCKET_PATH or UNUSABLE.search(str(socket)):
        raise SettingsError(
            f"the path of the data home is too long or has unusual signs: {home.root}",
            hint="set PILOTHOUSE_HOME to a shorter, plainer one",
        )
