"""Of prompts, answers and keys nothing is kept in the proxy's tables or in any log, whatever goes wrong."""

import json

import pytest

from tests.fixtures.privacy import FAULTY, Recording
from tests.fixtures.terminal import Terminal

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(280)]

MARK = "vermilion-heron-71"  # the rehearsal model repeats what it is to remember, so that an answer holds it too
PROMPT = f"Remember that my boat is called {MARK}"


def test_nothing_of_prompts_answers_and_keys_is_written_down(terminal: Terminal) -> None:
    recording = Recording(terminal)
    asked = terminal.type("ask", PROMPT)
    key = terminal.type("keys", "create", "marked", "--budget", "1").stdout.strip()
    told = [
        recording.send(
            key, json.dumps({"model": model, "stream": stream, "max_tokens": 500, "messages": _says()}).encode()
        )
        for model in ("pilothouse/rehearsal", "openai/gpt-4.1-mini", "unheard/of", *FAULTY)
        for stream in (True, False)
    ]
    told += [recording.send(key, PROMPT.encode()), recording.send(f"ph_{MARK}", json.dumps(_says()).encode())]
    terminal.type("keys", "rotate", "marked", "--yes")

    written = recording.written_down()
    answer = json.loads(told[1])["choices"][0]["message"]["content"]
    marks = {"a prompt": MARK, "an answer": answer[:30], "a program's key": key} | recording.keys()
    found = {
        (place, what)
        for place, text in written.items()
        for what, mark in marks.items()
        if mark in text and place != "conversations"
    }

    assert asked.returncode == 0, asked.stderr
    assert MARK in asked.stdout
    assert len(answer) > 30
    assert found == set()
    assert MARK in written["conversations"]
    assert all(model in written["tables"] for model in FAULTY)
    assert {"proxy.log", "controller.log", "memory.log", "postgres.log"} <= written.keys()


def _says() -> list[dict[str, str]]:
    return [{"role": "user", "content": PROMPT}]
