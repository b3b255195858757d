"""The page's scripts against a real controller: asked, opened again, cut off, cancelled."""

import pytest

from tests.fixtures.controller import Controller, StartController
from tests.fixtures.page_scripts import Event, asking
from tests.fixtures.processes import Launcher

pytestmark = pytest.mark.timeout(180)


async def test_the_page_opens_with_a_key_answers_and_shows_the_same_when_it_is_opened_again(
    controller: Controller,
) -> None:
    async with asking(controller, "Remember that I like tea", script="open.mjs") as events:
        [asked, again] = [event["lines"] async for event in events]

    assert asked[0] == "Remember that I like tea"
    assert asked[1].startswith("memory_save")
    assert "tea" in asked[2]
    assert again[:3] == asked[:3]


async def test_an_answer_whose_controller_is_killed_goes_on_on_the_page_and_is_shown_once(
    start_own_controller: StartController, own_launcher: Launcher
) -> None:
    controller = start_own_controller("twin/slow:3")
    port = int(controller.url.rpartition(":")[2])
    told: list[Event] = []
    async with asking(controller, "Hello") as events:
        async for event in events:
            told.append(event)
            if event.get("node") == "think" and controller.server.process.poll() is None:
                controller.server.kill()
                settings, health = controller.environment, "/health/live"
                own_launcher.start("api", settings, port_variable="PILOTHOUSE_PORT_API", port=port, health=health)

    [run] = controller.run_rows()
    numbers = [event["number"] for event in told if "number" in event]
    shown = told[-1]["lines"]
    assert "broken" in {event["type"] for event in told}
    assert run["status"] == "finished"
    assert run["attempts"] == 2
    assert numbers == list(range(1, len(numbers) + 1))
    assert shown[0] == run["answer"]
    assert "twin/slow" in shown[1]
    assert len(shown) == 2


async def test_a_run_cancelled_on_the_page_ends_as_cancelled(start_own_controller: StartController) -> None:
    controller = start_own_controller("twin/slow:5")
    async with asking(controller, "Hello", "cancel") as events:
        told = [event async for event in events]

    assert [event["type"] for event in told[-2:]] == ["run.cancelled", "shown"]
    assert "Cancelled. What it did so far stays in the thread." in told[-1]["lines"]
    assert controller.run_rows()[0]["status"] == "cancelled"
