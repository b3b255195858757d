"""The clients that the documents show work as they are shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.docs import Block, blocks
from tests.fixtures.proxy import Proxy

TIMEOUT_S = 120


@pytest.mark.parametrize("block", blocks("python run"), ids=str)
def test_a_client_that_a_document_shows_works_through_the_proxy(block: Block, proxy: Proxy, tmp_path: Path) -> None:
    environment = {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "OPENAI_BASE_URL": f"{proxy.url}/v1",
        "OPENAI_API_KEY": proxy.key,
        "MEM0_TELEMETRY": "False",
    }

    done = subprocess.run(
        [sys.executable, "-c", block.text],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_there_are_some() -> None:
    assert len(blocks("python run")) >= 3
