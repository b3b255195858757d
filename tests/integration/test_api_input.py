"""Bad input: each a clear error with the right status and what to do next; nothing lost, no traceback."""

import uuid
from decimal import Decimal

import httpx
import pytest

from tests.fixtures.controller import Controller


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{}", 422),
        (b"not json", 422),
        (b'{"message": ""}', 422),
        (b'{"message": "   "}', 422),
        (b'{"message": 7}', 422),
        (b'{"message": null}', 422),
        (b'{"message": ["a"]}', 422),
        (b'{"message": "a\\u0000b"}', 422),
        (b'{"message": "\\ud800"}', 422),
        (b'{"message": "hi", "thread_id": "not-a-uuid"}', 422),
        (b'{"message": "hi", "surprise": 1}', 422),
        (b'{"message": "' + b"x" * 33_000 + b'"}', 422),
        (b'{"message": "' + b"x" * 1_000_000 + b'"}', 413),
        (b'{"message": "\xff\xfe"}', 400),
    ],
)
async def test_an_unusable_message_is_refused_with_a_reason_and_a_hint(
    controller: Controller, http: httpx.AsyncClient, body: bytes, status: int
) -> None:
    before = len(controller.run_rows())

    reply = await http.post("/api/chat", content=body, headers={"Content-Type": "application/json"})

    assert reply.status_code == status
    error = reply.json()["error"]
    assert error["message"]
    assert error["hint"]
    assert "Traceback" not in reply.text
    assert len(controller.run_rows()) == before


@pytest.mark.parametrize("route", ["/api/chat", "/api/runs"])
@pytest.mark.parametrize(
    "limit",
    [
        *(
            f'"budget_usd": {amount}'
            for amount in ('"1e999999"', '"1e-400000"', "1e999999", '"NaN"', "0", '"-1"', "1e7")
        ),
        *(f'"deadline_s": {seconds}' for seconds in ('"1e999999"', "1e999999", "0", "86401", "1.5")),
        *(f'"max_model_calls": {calls}' for calls in ('"1e999999"', "1e999999", "-1", "101")),
        f'"deadline_s": {"9" * 5000}',
    ],
)
async def test_a_limit_that_no_run_can_have_is_refused(
    controller: Controller, http: httpx.AsyncClient, route: str, limit: str
) -> None:
    before = len(controller.run_rows())

    reply = await http.post(
        route, content=f'{{"message": "hi", {limit}}}', headers={"Content-Type": "application/json"}
    )

    assert reply.status_code in (400, 422)
    assert reply.json()["error"]["hint"]
    assert len(controller.run_rows()) == before


@pytest.mark.parametrize("amount", ["1e999999", "1e-400000"])
async def test_a_schedule_has_no_limit_either_that_no_run_can_have(controller: Controller, amount: str) -> None:
    body = {"name": "morning", "cron": "30 7 * * *", "message": "hi", "budget_usd": amount}
    async with controller.client(controller.add_key(scopes=["schedules:write"])) as person:
        reply = await person.post("/api/schedules", json=body)

    assert reply.status_code == 422
    assert "budget_usd" in reply.json()["error"]["message"]


async def test_a_budget_is_kept_to_the_millionth(controller: Controller, http: httpx.AsyncClient) -> None:
    reply = await http.post("/api/runs", json={"message": "hi", "budget_usd": "999999.000001"})

    [stored] = [row for row in controller.run_rows() if str(row["id"]) == reply.json()["run_id"]]
    assert stored["budget_usd"] == Decimal("999999.000001")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "the body is not JSON: Expecting property name"),
        (b"[]", "the body must be a JSON object"),
        (b"null", "the body must be a JSON object"),
        (b'{"message": 7}', "message: Input should be a valid string"),
    ],
)
async def test_the_reason_names_what_is_wrong(http: httpx.AsyncClient, body: bytes, reason: str) -> None:
    answer = await http.post("/api/chat", content=body, headers={"Content-Type": "application/json"})

    assert answer.json()["error"]["message"].startswith(reason)


async def test_a_body_without_a_stated_length_is_refused(http: httpx.AsyncClient) -> None:
    async def pieces():  # noqa: ANN202 -- an endless body, in pieces
        yield b"{"

    reply = await http.post("/api/chat", content=pieces())

    assert reply.status_code == 422
    assert "Content-Length" in reply.json()["error"]["hint"]


@pytest.mark.parametrize("path", ["/api/runs", "/api/threads", "/api/trading/status", "/health/ready"])
async def test_a_parameter_nobody_knows_is_refused_rather_than_ignored(http: httpx.AsyncClient, path: str) -> None:
    reply = await http.get(path, params={"staus": "failed"})

    assert reply.status_code == 422
    assert "staus" in reply.json()["error"]["message"]
    assert (await http.get("/api/runs", params={"limit": 1})).status_code == 200


async def test_an_unknown_thread_is_not_found(http: httpx.AsyncClient) -> None:
    thread_id = str(uuid.uuid4())

    asked = await http.post("/api/chat", json={"message": "hi", "thread_id": thread_id})
    read = await http.get(f"/api/threads/{thread_id}")

    assert (asked.status_code, read.status_code) == (404, 404)
    assert thread_id in asked.json()["error"]["message"]


async def test_anothers_thread_does_not_exist_for_me(controller: Controller, http: httpx.AsyncClient) -> None:
    thread_id = (await http.post("/api/chat", json={"message": "hi"})).json()["thread_id"]

    async with controller.client(controller.add_key(user_id="mallory")) as stranger:
        read = await stranger.get(f"/api/threads/{thread_id}")
        asked = await stranger.post("/api/chat", json={"message": "hi", "thread_id": thread_id})

    assert (read.status_code, asked.status_code) == (404, 404)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ph_wrong", "Basic eDp5", "Bearer \xff"])
async def test_without_a_key_or_with_a_wrong_one_nothing_is_shown(controller: Controller, authorization: str) -> None:
    headers = [(b"Authorization", authorization.encode("latin-1"))] if authorization else []
    async with httpx.AsyncClient(base_url=controller.url, headers=headers) as stranger:
        for method, path in (("POST", "/api/chat"), ("GET", "/health/ready"), ("GET", "/api/trading/status")):
            reply = await stranger.request(method, path, json={"message": "hi"} if method == "POST" else None)

            assert reply.status_code == 401
            assert reply.headers["WWW-Authenticate"] == "Bearer"
            assert reply.json()["error"]["hint"]


async def test_a_key_opens_only_what_its_scopes_say(controller: Controller) -> None:
    async with controller.client(controller.add_key(scopes=["health:read"])) as narrow:
        chat = await narrow.post("/api/chat", json={"message": "hi"})
        health = await narrow.get("/health/ready")

    assert chat.status_code == 403
    assert "chat" in chat.json()["error"]["message"]
    assert health.status_code == 200


async def test_liveness_needs_no_key(controller: Controller) -> None:
    async with httpx.AsyncClient(base_url=controller.url) as stranger:
        reply = await stranger.get("/health/live")

    assert reply.json() == {"status": "ok"}


async def test_readiness_names_each_dependency_with_state_and_latency(http: httpx.AsyncClient) -> None:
    reply = await http.get("/health/ready")

    states = {each["name"]: each["state"] for each in reply.json()["dependencies"]}
    assert states["postgres"] == states["proxy"] == "ok"
    assert states["broker"] == "down"
    assert reply.json()["status"] == "degraded"
    assert all(each["latency_ms"] >= 0 for each in reply.json()["dependencies"])


async def test_every_route_declares_what_it_returns(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()

    operations = [(path, operation) for path, item in document["paths"].items() for operation in item.values()]
    assert len(operations) >= 15
    for path, operation in operations:
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert good, path
        for content in [each["content"] for each in good if "content" in each]:
            assert all(kind["schema"] for kind in content.values()), path


async def test_the_page_is_served_without_a_key_and_loads_nothing_from_elsewhere(controller: Controller) -> None:
    async with httpx.AsyncClient(base_url=controller.url) as browser:
        page = await browser.get("/")
        script = await browser.get("/app.js")

    assert page.status_code == script.status_code == 200
    assert "http://" not in page.text + script.text
    assert "https://" not in page.text + script.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
