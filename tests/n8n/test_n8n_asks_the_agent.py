"""n8n hands work to the agent and gets its answer: the real n8n, the workflow that we ship."""

import uuid

import httpx

from tests.fixtures.n8n import N8n

ASK = "How is my bot doing?"


def test_the_shipped_workflow_asks_the_agent_and_answers_with_its_reply(n8n: N8n) -> None:
    answer = n8n.post("ask-the-agent", {"message": ASK})

    assert answer.status_code == httpx.codes.OK, answer.text
    reply = answer.json()
    assert reply["status"] == "finished"
    assert "freqtrade_get_status" in [call["name"] for call in reply["tool_calls"]]


def test_the_same_key_asks_once(n8n: N8n) -> None:
    key = uuid.uuid4().hex

    replies = [n8n.post("ask-the-agent", {"message": ASK}, Idempotency_Key=key).json() for _ in range(3)]

    assert len({reply["run_id"] for reply in replies}) == 1


def test_the_thread_goes_on_and_is_tainted(n8n: N8n) -> None:
    first = n8n.post("ask-the-agent", {"message": ASK}).json()
    n8n.post("ask-the-agent", {"message": "And now?", "thread_id": first["thread_id"]})

    with httpx.Client(base_url=n8n.controller.url) as http:
        key = n8n.controller.add_key(user_id="ada")
        thread = http.get(f"/api/threads/{first['thread_id']}", headers={"Authorization": f"Bearer {key}"}).json()

    assert [run["message"] for run in thread["runs"]] == [ASK, "And now?"]
    assert thread["tainted"] is True
