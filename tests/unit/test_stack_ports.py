"""Taken ports are named, with who holds them."""

import os
import socket

import pytest

from pilothouse.errors import SettingsError
from stack.ports import find_free, find_holder, is_reachable, require_free


def test_no_free_port_is_given_twice() -> None:
    assert len({find_free() for _ in range(500)}) == 500


def test_a_free_port_passes() -> None:
    require_free(find_free(), setting="PILOTHOUSE_PORT_API")


def test_a_taken_port_names_its_holder_and_the_setting_that_moves_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(SettingsError, match=rf"port {port} is taken by pid {os.getpid()} \(") as raised:
            require_free(port, setting="PILOTHOUSE_PORT_API")

    assert "PILOTHOUSE_PORT_API" in raised.value.hint


def test_a_port_taken_on_all_addresses_counts() -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:  # noqa: S104 -- the case under test
        port = other.getsockname()[1]

        with pytest.raises(SettingsError, match="is taken by pid"):
            require_free(port, setting="PILOTHOUSE_PORT_API")
        assert find_holder(port) == os.getpid()


def test_whether_something_listens_can_be_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert is_reachable("127.0.0.1", other.getsockname()[1])

    assert not is_reachable("127.0.0.1", find_free())
