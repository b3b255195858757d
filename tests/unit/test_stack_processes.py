"""The table of processes: whatever was generated, every command is one that its program understands."""

import subprocess
from dataclasses import replace
from pathlib import Path

from pilothouse.settings import StackSettings
from stack.credentials import Credentials, Places
from stack.home import Home
from stack.processes import make_launcher, plan
from stack.secrets import load_or_generate


def test_a_generated_key_may_begin_with_a_dash(settings: StackSettings, home: Home, tmp_path: Path) -> None:
    generated = load_or_generate(home.secrets) | {"openrouter_twin_key": "-x1"}
    credentials = Credentials(settings, generated, Places.below(tmp_path))
    launcher = replace(make_launcher(home, settings, pythons=[]), separated=False)

    twin = next(
        each
        for each in plan(credentials, launcher, cluster=None, freqtrade_python=None, n8n=None)
        if each.name == "openrouter"
    )
    done = subprocess.run([*twin.command, "--help"], cwd=twin.directory, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
