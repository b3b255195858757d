"""Every block that a document marks `sh stack` does on a real stack what it is there for."""

import shutil

import pytest

from tests.fixtures.docs import Block, Shell, blocks

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade]


@pytest.mark.parametrize("block", blocks("sh stack"), ids=str)
def test_a_documented_command_works_on_a_running_stack(block: Block, stack_shell: Shell) -> None:
    if "curl " in block.text and shutil.which("curl") is None:
        pytest.skip("curl is not installed")

    done = stack_shell(block)

    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "Traceback" not in done.stderr
    assert "I am the rehearsal model" not in done.stdout  # what it says to a question it does not understand
