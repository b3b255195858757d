"""With PILOTHOUSE_CHECKPOINT_KEY, who has the database has not what was said."""

from base64 import b64encode
from pathlib import Path

import pytest

from tests.fixtures.checkpoints import crafted_row
from tests.fixtures.controller import StartController, stream_chat
from tests.fixtures.encryption import put_messages, swap_messages, tables_with
from tests.fixtures.processes import Launcher

pytestmark = pytest.mark.timeout(120)

KEY = b64encode(bytes(range(32))).decode()
OTHER_KEY = b64encode(bytes(32)).decode()
MODEL = "pilothouse/rehearsal"
SECRET = "walrusmarmalade"
SAID = f"Remember that my safe word is {SECRET}"
COVERED = {"controller.checkpoints", "controller.checkpoint_writes", "controller.run_messages"}


async def test_what_is_said_and_answered_is_nowhere_in_what_is_covered(start_own_controller: StartController) -> None:
    controller = start_own_controller(MODEL, PILOTHOUSE_CHECKPOINT_KEY=KEY)
    async with controller.client(controller.add_key()) as http:
        told = await stream_chat(http, SAID)
        thread_id = told[-1][1]["thread_id"]
        again = (await http.post("/api/chat", json={"message": f"{SECRET}?", "thread_id": thread_id})).json()

        thread = (await http.get(f"/api/threads/{thread_id}")).text

    assert SECRET in told[-1][1]["answer"]
    assert thread.count(SECRET) >= 3
    assert again["answer"]
    assert tables_with(SECRET, controller.urls.admin) & COVERED == set()


async def test_without_a_key_the_search_does_find_it(start_own_controller: StartController) -> None:
    controller = start_own_controller(MODEL)
    async with controller.client(controller.add_key()) as http:
        await http.post("/api/chat", json={"message": SAID})

    assert "controller.run_messages" in tables_with(SECRET, controller.urls.admin)


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [(KEY, OTHER_KEY, "another key"), (KEY, "", "no key is set"), ("", KEY, "not encrypted")],
    ids=["another key", "key lost", "key new"],
)
async def test_with_the_wrong_key_a_thread_gives_one_clear_error_and_others_work(
    start_own_controller: StartController, own_launcher: Launcher, first: str, then: str, said: str
) -> None:
    controller = start_own_controller(MODEL, PILOTHOUSE_CHECKPOINT_KEY=first)
    async with controller.client(controller.add_key()) as http:
        thread_id = (await http.post("/api/chat", json={"message": SAID})).json()["thread_id"]
    again = controller.start_again(own_launcher, PILOTHOUSE_CHECKPOINT_KEY=then)

    async with again.client(again.add_key()) as http:
        replies = [
            await http.get(f"/api/threads/{thread_id}"),
            await http.post("/api/chat", json={"message": "Hello", "thread_id": thread_id}),
        ]
        other = await http.post("/api/chat", json={"message": "Hello"})

    for reply in replies:
        error = reply.json()["error"]
        assert (error["code"], said in error["message"]) == ("unreadable_state", True)
        assert "PILOTHOUSE_CHECKPOINT_KEY" in error["hint"]
    assert other.is_success
    assert "Traceback" not in again.server.log.read_text()


async def test_a_row_that_would_call_a_function_is_refused_when_its_thread_is_read_or_continued(
    start_own_controller: StartController, tmp_path: Path
) -> None:
    folder = tmp_path / "called"
    controller = start_own_controller(MODEL)
    async with controller.client(controller.add_key()) as http:
        thread_id = (await http.post("/api/chat", json={"message": "Hello"})).json()["thread_id"]
        put_messages(controller.urls.admin, crafted_row(0, "os", "mkdir", str(folder))[1])

        replies = [
            await http.get(f"/api/threads/{thread_id}"),
            await http.post("/api/chat", json={"message": "Hello", "thread_id": thread_id}),
        ]

    assert [reply.json()["error"]["code"] for reply in replies] == ["unreadable_state"] * 2
    assert not folder.exists()
    assert "state.refused" in controller.server.log.read_text()


async def test_a_row_moved_from_another_thread_is_refused(start_own_controller: StartController) -> None:
    controller = start_own_controller(MODEL, PILOTHOUSE_CHECKPOINT_KEY=KEY)
    async with controller.client(controller.add_key()) as http:
        mine = (await http.post("/api/chat", json={"message": SAID})).json()
        other = (await http.post("/api/chat", json={"message": "Hello"})).json()
        swap_messages(controller.urls.admin, mine["run_id"], other["run_id"])

        reply = await http.get(f"/api/threads/{other['thread_id']}")

    assert reply.json()["error"]["code"] == "unreadable_state"
    assert SECRET not in reply.text
