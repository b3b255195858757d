"""What docs/setup/03_Trading.md tells a person to type, typed in two terminals on a real stack with a real bot."""

import re
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

import pytest

from pilothouse.settings import CHECKOUT
from tests.fixtures.docs import FENCE
from tests.fixtures.terminal import Terminal

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(280)]

PAGE = CHECKOUT / "docs" / "setup" / "03_Trading.md"
SHOWN_ID, SHOWN_PAIR = "47499d57", "LTC/USDT"
PAIRS = ("LTC/USDT", "XRP/USDT", "SOL/USDT", "ETH/USDT", "BTC/USDT")
WAITING = re.compile(r"Waiting for approval: .* \(intent ([0-9a-f]{8})")
PATIENCE_S = 90
TRIES = 2  # the price may run away from an order, which Freqtrade cancels after a minute


class Chat:
    """The first terminal: what is typed into it, and what it has said so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.said = ""
        streams = (process.stdout, process.stderr)
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True) for stream in streams]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ended, and read to its end, before anybody closes its streams."""
        self._process.kill()
        for reader in self._readers:
            reader.join()

    def type(self, line: str) -> None:
        """A line and Enter."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def wait_for(self, condition: Callable[[str], bool]) -> str:
        """Everything said, once the condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition(self.said):
            assert time.monotonic() < deadline, self.said
            time.sleep(0.1)
        return self.said

    def _read(self, stream: Iterator[str]) -> None:
        for line in stream:
            self.said += line


def written(info: str) -> list[str]:
    """The lines of the page's blocks of one kind, in order."""
    blocks = [match["text"] for match in FENCE.finditer(PAGE.read_text()) if match["info"] == info]
    return [line for block in blocks for line in block.splitlines()]


def propose(chat: Chat, wish: str) -> str:
    """The id of what waits then; the page's pair, or another one if the bot's own strategy was quicker."""
    for pair in PAIRS:
        before = len(chat.said)
        chat.type(wish.replace(SHOWN_PAIR, pair))
        said = chat.wait_for(lambda said: "— " in said[before:])[before:]  # noqa: B023 -- called before the next turn
        if found := WAITING.search(said):
            return found[1]
        assert "is refused: " in said
    raise AssertionError(chat.said)


def test_a_trade_is_proposed_approved_after_a_restart_and_filled(terminal: Terminal) -> None:
    assert terminal.type("up", "--detach").returncode == 0
    [chatting] = written("sh first terminal")
    [wish] = written("text typed")

    said = ""
    with terminal.start(*shlex.split(chatting)[1:]) as process, Chat(process) as chat:
        for _ in range(TRIES):
            intent = propose(chat, wish)
            for line in written("sh second terminal"):
                done = terminal.type(*shlex.split(line.replace(SHOWN_ID, intent))[1:])
                assert done.returncode == 0, done.stderr
            said = chat.wait_for(lambda said: f"Intent {intent}" in said)  # noqa: B023 -- called before the next turn
            if "is filled" in said:
                break

    assert "is filled" in said
    assert "Traceback" not in said
