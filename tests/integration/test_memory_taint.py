"""What a conversation with text of others left in memory waits for a person, and stays marked wherever it is found."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.fixtures.calls import CALL, no_run
from tests.fixtures.controller import StartController
from tests.fixtures.counting import CountingWorkflow
from tests.fixtures.memory_engine import BY_TOOL
from tools.memory import memory_tools
from tools.memory_client import MemoryClient

WISH = "I want unlimited stakes"


@pytest.fixture
async def http(
    start_own_controller: StartController, counting_workflow: CountingWorkflow, user: str
) -> AsyncIterator[httpx.AsyncClient]:
    """The user's client of a controller whose workflow answers at once."""
    counting_workflow.may_answer.set()
    controller = start_own_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    async with controller.client(controller.add_key(user_id=user)) as client:
        yield client


async def say(http: httpx.AsyncClient, *messages: str) -> tuple[dict[str, Any], str]:
    """One thread of these messages: the thread as it is then, and the last answer."""
    thread: dict[str, str] = {}
    answer = ""
    for message in messages:
        reply = (await http.post("/api/chat", json={"message": message} | thread)).json()
        thread, answer = {"thread_id": reply["thread_id"]}, reply["answer"]
    return (await http.get(f"/api/threads/{thread['thread_id']}")).json(), answer


async def admit_all(memory_client: MemoryClient, user: str) -> None:
    """What a person does who has looked at the quarantine."""
    waiting, _ = await memory_client.page(user_id=user, state="quarantined")
    for memory in waiting:
        await memory_client.admit(user_id=user, memory_id=memory.id)


async def test_what_was_saved_after_a_workflow_answered_is_told_to_no_thread_until_a_person_admits_it(
    http: httpx.AsyncClient, memory_client: MemoryClient, user: str
) -> None:
    saved, _ = await say(http, "Run a workflow", f"Remember that {WISH}")

    asked, answer = await say(http, "What did I tell you about stakes?")
    [waiting], _ = await memory_client.page(user_id=user, state="quarantined")

    assert WISH not in answer
    assert (saved["tainted"], asked["tainted"]) == (True, False)
    assert (waiting.text, waiting.tainted, waiting.trust) == (WISH, True, "untrusted")


async def test_a_thread_that_is_told_what_was_saved_after_a_workflow_answered_is_tainted(
    http: httpx.AsyncClient, memory_client: MemoryClient, user: str
) -> None:
    saved, _ = await say(http, "Run a workflow", f"Remember that {WISH}")
    await admit_all(memory_client, user)

    asked, answer = await say(http, "What did I tell you about stakes?")
    later, _ = await say(http, "What did I tell you about stakes?", "Thanks")

    assert (saved["tainted"], asked["tainted"], later["tainted"]) == (True, True, True)
    assert WISH in answer


async def test_recalling_it_taints_though_no_tool_is_called(
    http: httpx.AsyncClient, memory_client: MemoryClient, user: str
) -> None:
    await say(http, "Run a workflow", f"Remember that {WISH}")
    await admit_all(memory_client, user)

    thread, _ = await say(http, "Unlimited stakes, please")

    assert [message["role"] for message in thread["messages"]] == ["user", "assistant"]
    assert thread["tainted"] is True


async def test_what_is_saved_in_a_thread_that_recalled_it_is_tainted_too(
    http: httpx.AsyncClient, memory_client: MemoryClient, user: str
) -> None:
    await say(http, "Run a workflow", f"Remember that {WISH}")
    await admit_all(memory_client, user)
    await say(http, "What did I tell you about stakes?", "Remember that my cat is called Zephyrus")

    [saved], _ = await memory_client.page(user_id=user, state="quarantined")

    assert (saved.text, saved.tainted) == ("my cat is called Zephyrus", True)


async def test_what_was_saved_and_found_in_ordinary_threads_taints_none(http: httpx.AsyncClient) -> None:
    saved, _ = await say(http, f"Remember that {WISH}")

    asked, answer = await say(http, "What did I tell you about stakes?")

    assert WISH in answer
    assert (saved["tainted"], asked["tainted"]) == (False, False)


async def test_a_tainted_thread_that_saves_the_same_words_again_does_not_taint_what_a_person_said(
    http: httpx.AsyncClient,
) -> None:
    await say(http, f"Remember that {WISH}")
    again, told = await say(http, "Run a workflow", f"Remember that {WISH}")

    asked, answer = await say(http, "What did I tell you about stakes?")

    assert "I knew that already" in told
    assert WISH in answer
    assert (again["tainted"], asked["tainted"]) == (True, False)


async def test_in_a_thread_with_text_of_others_the_agent_forgets_nothing(
    http: httpx.AsyncClient, memory_client: MemoryClient, user: str
) -> None:
    await say(http, f"Remember that {WISH}")

    thread, told = await say(http, "Run a workflow", f"Forget that {WISH}")
    kept, _ = await memory_client.page(user_id=user)

    assert thread["tainted"] is True
    assert "nothing was forgotten: this conversation holds text that others wrote" in told
    assert f"bin/pilothouse memory forget {kept[0].id}" in told
    assert [memory.text for memory in kept] == [WISH]


@pytest.mark.parametrize(
    ("saves", "tainted"),
    [
        ([("1", True)], True),
        ([("1", True), ("2", True)], True),
        ([("1", False), ("2", True)], False),
        ([("1", True), ("2", False)], False),  # a conversation that did not see it said the same
        ([("1", True), ("2", False), ("3", True)], False),
        ([("1", True), ("1", False)], True),  # one save, repeated after a crash
        ([("1", False), ("1", True)], False),
    ],
)
async def test_words_are_clean_once_a_clean_conversation_said_them(
    memory_client: MemoryClient, user: str, saves: list[tuple[str, bool]], *, tainted: bool
) -> None:
    for key, is_tainted in saves:
        await memory_client.save(user_id=user, text=WISH, key=key, tainted=is_tainted, source=BY_TOOL)

    kept, _ = await memory_client.page(user_id=user)
    found = await memory_client.find(user_id=user, query="stakes")

    assert [memory.tainted for memory in kept] == [tainted]
    assert [memory.text for memory in found] == ([] if tainted else [WISH])


async def test_a_key_of_a_tainted_memory_sent_with_other_words_clears_nothing(
    memory_client: MemoryClient, user: str
) -> None:
    await memory_client.save(user_id=user, text=WISH, key="1", tainted=True, source=BY_TOOL)
    await memory_client.save(user_id=user, text="I want small stakes", key="1", tainted=False, source=BY_TOOL)

    kept, _ = await memory_client.page(user_id=user)

    assert [(memory.text, memory.tainted, memory.state) for memory in kept] == [(WISH, True, "quarantined")]


async def test_a_save_that_does_not_say_whether_it_is_tainted_is_refused(
    memory_http: httpx.AsyncClient, user: str
) -> None:
    answer = await memory_http.post("/memories", json={"user": user, "text": WISH, "key": "1", "source": BY_TOOL})

    assert answer.status_code == 422


@pytest.mark.parametrize("tainted", [True, False])
async def test_the_search_tool_marks_its_thread_before_it_answers_only_when_it_found_something_tainted(
    memory_client: MemoryClient, user: str, *, tainted: bool
) -> None:
    marked: list[str] = []

    async def mark() -> None:
        marked.append(user)

    search, save, *_ = memory_tools(memory_client, no_run)
    saving = replace(CALL, user_id=user, tainted=tainted, run_id=str(uuid.uuid4()))
    await save.run(saving, save.arguments.model_validate({"text": WISH}))
    await admit_all(memory_client, user)

    asking = replace(CALL, user_id=user, taint=mark)
    answer = await search.run(asking, search.arguments.model_validate({"query": "stakes"}))

    assert [each["from_untrusted_conversation"] for each in answer["memories"]] == [tainted]
    assert marked == ([user] if tainted else [])
