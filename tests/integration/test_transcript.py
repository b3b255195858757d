"""What was said in a thread is kept run by run, and only by the process that has the run."""

import asyncio
import os
import re
import signal

import pytest

from tests.fixtures.controller import StartController, ask_and_lose
from tests.fixtures.counting import CountingWorkflow
from tests.fixtures.ledger import Ledger
from tests.fixtures.processes import Launcher
from tests.fixtures.retention import checkpointed_runs
from tests.fixtures.waiting import until

pytestmark = pytest.mark.timeout(180)


async def test_a_process_that_was_frozen_writes_nothing_into_a_thread_that_went_on_without_it(
    start_own_controller: StartController, own_launcher: Launcher, counting_workflow: CountingWorkflow
) -> None:
    frozen = start_own_controller("pilothouse/rehearsal", N8N_WEBHOOK_URL=counting_workflow.url)
    asking = asyncio.create_task(ask_and_lose(frozen, "Run a workflow"))
    await until(lambda: len(counting_workflow.keys) == 1)
    os.kill(frozen.server.pid, signal.SIGSTOP)
    other = frozen.start_again(own_launcher)
    await until(lambda: other.run_rows()[0]["status"] == "finished", timeout_s=60)
    thread = {"thread_id": str(other.run_rows()[0]["thread_id"])}
    async with other.client(other.add_key()) as http:
        later = (await http.post("/api/chat", json={"message": "Remember that I like tea", **thread})).json()
        before = (await http.get(f"/api/threads/{thread['thread_id']}")).json()
        checkpoints = checkpointed_runs(other)

        os.kill(frozen.server.pid, signal.SIGCONT)
        counting_workflow.may_answer.set()
        # Whichever it notices first: that its lease ran out, or that it may not record what the workflow answered.
        await until(lambda: re.search(r"run\.(let_go|lost)", frozen.server.log.read_text()) is not None, timeout_s=60)

        after = (await http.get(f"/api/threads/{thread['thread_id']}")).json()
    await asking
    assert after == before
    assert checkpointed_runs(other) == checkpoints
    assert checkpoints[-1] == later["run_id"]


async def test_a_long_thread_is_read_back_whole_though_the_model_sees_its_newest_turns_only(
    start_own_controller: StartController,
) -> None:
    controller = start_own_controller("pilothouse/rehearsal")
    async with controller.client(controller.add_key()) as http:
        thread = {"thread_id": (await http.post("/api/chat", json={"message": "Message 0"})).json()["thread_id"]}
        for number in range(1, 35):
            await http.post("/api/chat", json={"message": f"Message {number}", **thread})

        messages = (await http.get(f"/api/threads/{thread['thread_id']}")).json()["messages"]

    asked = [message["content"] for message in messages if message["role"] == "user"]
    rows = await Ledger(controller.urls.admin).settled(35)
    prompts = [row["prompt_tokens"] for row in rows if row["node"] == "think"]
    assert asked == [f"Message {number}" for number in range(35)]
    assert max(prompts) > prompts[-1] > prompts[0]
