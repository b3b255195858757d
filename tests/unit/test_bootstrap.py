"""`bin/pilothouse` before there is an environment: it finds or fetches uv, syncs once, and hands over."""

import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stack.fetch_uv import WHEELS, FetchError, Wheel, choose, fetch
from tests.fixtures.checkout import Checkout
from tests.fixtures.package_index import PackageIndex


def test_the_first_run_makes_the_environment_without_development_tools(checkout: Checkout) -> None:
    done = checkout.run("ask", "two words")

    assert done.stdout == "ran ask two words\n"
    assert checkout.asked_of_uv() == [f"sync --frozen --no-dev --project {checkout.root}"]


def test_the_next_run_goes_straight_on(checkout: Checkout) -> None:
    checkout.run("status")

    done = checkout.run("status")

    assert (done.stdout, done.stderr) == ("ran status\n", "")
    assert len(checkout.asked_of_uv()) == 1


@pytest.mark.parametrize("name", ["uv.lock", "pyproject.toml"])
def test_a_changed_lock_is_synced_again(checkout: Checkout, name: str) -> None:
    checkout.run("status")
    (checkout.root / name).write_text("second\n")

    checkout.run("status")

    assert len(checkout.asked_of_uv()) == 2


@pytest.mark.parametrize("command", ["check", "test"])
def test_check_and_test_bring_the_development_tools(checkout: Checkout, command: str) -> None:
    checkout.run("status")

    checkout.run(command)

    assert checkout.asked_of_uv()[-1].startswith("sync --frozen --dev")


def test_development_tools_stay_once_they_are_there(checkout: Checkout) -> None:
    checkout.run("test")
    ruff = checkout.root / ".venv" / "bin" / "ruff"
    ruff.write_text("#!/bin/sh\n")
    ruff.chmod(0o755)

    checkout.run("status")

    assert len(checkout.asked_of_uv()) == 1


def test_a_failing_sync_is_not_taken_for_done(checkout: Checkout) -> None:
    working = (checkout.path / "uv").read_text()
    (checkout.path / "uv").write_text('#!/bin/sh\n[ "$1" = --version ] || { echo no network >&2; exit 2; }\n')

    failed = checkout.run("status")
    (checkout.path / "uv").write_text(working)
    done = checkout.run("status")

    assert (failed.returncode, "no network" in failed.stderr) == (2, True)
    assert "run the same command again" in failed.stderr
    assert done.stdout == "ran status\n"


def test_an_environment_that_was_cut_off_half_way_is_begun_anew(checkout: Checkout) -> None:
    half = checkout.root / ".venv" / "lib" / "half_a_package.py"
    half.parent.mkdir(parents=True)
    half.touch()

    done = checkout.run("status")

    assert done.stdout == "ran status\n"
    assert not half.exists()


def test_a_sync_that_was_cut_off_is_not_taken_for_the_one_before(checkout: Checkout) -> None:
    checkout.run("status")
    before = (checkout.root / "uv.lock").read_text()
    (checkout.root / "uv.lock").write_text("second\n")
    (checkout.path / "uv").write_text('#!/bin/sh\n[ "$1" = --version ] || kill -9 $PPID\n')
    checkout.run("status")
    (checkout.root / "uv.lock").write_text(before)

    assert checkout.run("status").returncode != 0  # it is synced again, which still fails


def test_who_comes_second_waits_and_installs_nothing(checkout: Checkout) -> None:
    uv = checkout.path / "uv"
    uv.write_text(uv.read_text().replace("mkdir", "sleep 1; mkdir"))
    with ThreadPoolExecutor() as threads:
        done = list(threads.map(checkout.run, ["status", "status"]))

    assert [each.stdout for each in done] == ["ran status\n"] * 2
    assert len(checkout.asked_of_uv()) == 1


def test_a_checkout_that_cannot_be_written_is_said_so(checkout: Checkout) -> None:
    script = checkout.root / "bin" / "pilothouse"
    script.write_text(script.read_text().replace('-w "$root"', '-w "/nowhere"'))  # rights would not stop root

    done = checkout.run("status")

    assert done.returncode == 1
    assert "clone it into a folder of your own" in done.stderr
    assert checkout.asked_of_uv() == []


def test_it_works_through_a_link_from_elsewhere(checkout: Checkout) -> None:
    (checkout.root / "bin" / "pilothouse").rename(checkout.root / "bin" / "real")
    (checkout.root / "bin" / "pilothouse").symlink_to(checkout.root / "bin" / "real")

    assert checkout.run("status").stdout == "ran status\n"


def test_without_python_and_uv_it_says_what_to_install(checkout: Checkout, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("sh", "dirname", "readlink", "cat", "cksum", "id", "mkdir", "flock"):
        found = shutil.which(name)
        assert found is not None
        (bare / name).symlink_to(found)
    script = checkout.root / "bin" / "pilothouse"
    script.write_text(script.read_text().replace("/usr/bin/python3", "/nowhere/python3"))

    done = checkout.run("status", path=str(bare))

    assert done.returncode != 0
    assert "apt install python3" in done.stderr


def test_uv_is_fetched_checked_and_runnable(package_index: PackageIndex, tmp_path: Path) -> None:
    program = fetch(package_index.wheel, index=package_index.url, folder=tmp_path / "uv")

    assert program == tmp_path / "uv" / "uv"
    assert program.read_bytes().startswith(b"#!/bin/sh")
    assert stat.S_IMODE(program.stat().st_mode) == 0o755


def test_a_wheel_with_another_digest_is_refused_and_not_kept(package_index: PackageIndex, tmp_path: Path) -> None:
    forged = Wheel(package_index.wheel.name, "0" * 64)

    with pytest.raises(FetchError, match="has digest"):
        fetch(forged, index=package_index.url, folder=tmp_path / "uv")

    assert not (tmp_path / "uv").exists()


def test_an_index_without_the_wheel_is_a_clear_error(package_index: PackageIndex, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="set UV_DEFAULT_INDEX"):
        fetch(Wheel("uv-1-py3-none-any.whl", "0" * 64), index=package_index.url, folder=tmp_path)


def test_the_login_in_an_indexs_address_is_sent_as_such(package_index: PackageIndex, tmp_path: Path) -> None:
    fetch(package_index.wheel, index=package_index.url.replace("//", "//me:s%40t@"), folder=tmp_path)

    assert set(package_index.logins) == {"Basic bWU6c0B0"}


@pytest.mark.parametrize("libc", ["glibc", "", "musl"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_wheel_is_pinned_for_common_machines(machine: str, libc: str) -> None:
    assert len(choose(machine, libc).sha256) == 64


def test_another_machine_is_told() -> None:
    assert ("riscv64", "glibc") not in WHEELS

    with pytest.raises(FetchError, match="no uv is pinned for riscv64"):
        choose("riscv64", "glibc")
