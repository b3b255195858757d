"""A halt holds until an approver lifts it by signature, whatever is down when it is called for."""

import asyncio
from uuid import uuid4

import pytest

from broker.watch import Watch
from pilothouse.errors import BadInputError, ForbiddenError, NotFoundError
from tests.fixtures.approvals import Person
from tests.fixtures.broker import until
from tests.fixtures.halts import HaltRoom, asked_for_config, closed_today, is_halted, looked, shows


async def test_a_halt_is_in_books_and_file_and_freqtrade_is_paused(halt_room: HaltRoom) -> None:
    halts = await halt_room.kept()

    halt = await halts.halt("prices look wrong", by="ada")

    await until(lambda: shows(halt_room, "paused"))
    assert await halts.current() == halt
    assert (halt.reason, halt.halted_by) == ("prices look wrong", "ada")
    assert halt_room.file.read_text() == "prices look wrong\n"
    assert [path for path, _ in halt_room.bot.posted] == ["pause"]


async def test_whoever_writes_the_file_halts(halt_room: HaltRoom) -> None:
    halts = await halt_room.kept()

    halt_room.file.write_text("out of office\n")

    await until(lambda: shows(halt_room, "paused"))
    await until(lambda: is_halted(halts))
    halt = await halts.current()
    assert halt is not None
    assert (halt.reason, halt.halted_by) == ("out of office", "the file")


async def test_without_a_database_the_file_still_pauses_freqtrade(halt_room: HaltRoom) -> None:
    await halt_room.without_database()

    halt_room.file.write_text("the disk is full")

    await until(lambda: shows(halt_room, "paused"))


async def test_a_freqtrade_that_comes_back_running_is_paused_again(halt_room: HaltRoom) -> None:
    halts = await halt_room.kept()
    await halts.halt("prices look wrong", by="ada")
    await until(lambda: shows(halt_room, "paused"))

    halt_room.set_bot_state("running")

    await until(lambda: shows(halt_room, "paused"))


async def test_a_stopped_freqtrade_is_not_woken(halt_room: HaltRoom) -> None:
    halt_room.set_bot_state("stopped")
    halts = await halt_room.kept()

    await halts.halt("prices look wrong", by="ada")
    before = halt_room.bot.asked.count("show_config")

    await until(lambda: asked_for_config(halt_room, before + 2))
    assert halt_room.bot.posted == []


async def test_an_approvers_signature_lifts_it_and_freqtrade_goes_on(halt_room: HaltRoom) -> None:
    halts, ada = await halt_room.kept(), await halt_room.office.paired("ada")
    halt = await halts.halt("prices look wrong", by="the broker")
    await until(lambda: shows(halt_room, "paused"))

    await halts.resume(ada.signs(str(halt.id), "resume"))

    await until(lambda: shows(halt_room, "running"))
    assert await halts.current() is None
    assert not halt_room.file.exists()


async def test_a_broker_that_died_after_it_lifted_the_halt_starts_freqtrade_when_it_returns(
    halt_room: HaltRoom,
) -> None:
    died, ada = halt_room.make(), await halt_room.office.paired("ada")
    halt = await died.halt("prices look wrong", by="ada")
    halt_room.set_bot_state("paused")
    await died.resume(ada.signs(str(halt.id), "resume"))

    await halt_room.kept()

    await until(lambda: shows(halt_room, "running"))


async def test_a_bot_that_somebody_paused_stays_paused(halt_room: HaltRoom) -> None:
    halt_room.set_bot_state("paused")

    await halt_room.kept()

    await until(lambda: looked(halt_room, 2))
    assert halt_room.bot.posted == []


async def test_nobody_elses_signature_lifts_it_nor_one_about_something_else(halt_room: HaltRoom) -> None:
    halts, ada = halt_room.make(), await halt_room.office.paired("ada")
    eve = Person("eve", halt_room.office.clock)
    halt = await halts.halt("prices look wrong", by="ada")

    for signed in (eve.signs(str(halt.id), "resume"), ada.signs(str(uuid4()), "resume")):
        with pytest.raises(ForbiddenError):
            await halts.resume(signed)
    with pytest.raises(BadInputError):
        await halts.resume(ada.signs(str(halt.id), "approve"))

    assert await halts.current() == halt
    assert halt_room.file.exists()


async def test_a_statement_lifts_one_halt_only(halt_room: HaltRoom) -> None:
    halts, ada = halt_room.make(), await halt_room.office.paired("ada")
    first = await halts.halt("prices look wrong", by="ada")
    signed = ada.signs(str(first.id), "resume")
    await halts.resume(signed)
    with pytest.raises(NotFoundError):
        await halts.resume(signed)
    second = await halts.halt("again", by="ada")

    with pytest.raises(ForbiddenError):
        await halts.resume(signed)

    assert await halts.current() == second


async def test_a_second_reason_is_added_to_the_halt_there_is(halt_room: HaltRoom) -> None:
    halts = halt_room.make()

    first = await halts.halt("prices look wrong", by="ada")
    await asyncio.gather(*(halts.halt("the audit log does not hold", by="the broker") for _ in range(5)))

    halt = await halts.current()
    assert halt is not None
    assert (halt.id, halt.reason) == (first.id, "prices look wrong; the audit log does not hold")


async def test_the_broker_halts_by_itself_for_a_reason(halt_room: HaltRoom) -> None:
    halts = await halt_room.kept()

    halt_room.why = "too much was lost today"

    await until(lambda: is_halted(halts))
    halt = await halts.current()
    assert halt is not None
    assert (halt.reason, halt.halted_by) == ("too much was lost today", "the broker")


async def test_more_unknown_intents_than_allowed_are_a_reason(halt_room: HaltRoom, watch: Watch) -> None:
    assert await watch.reason() == ""

    await halt_room.office.has("unknown")

    assert await watch.reason() == "the fate of 1 intents is unknown, the limit is 0"


async def test_a_loss_beyond_the_days_limit_is_a_reason(halt_room: HaltRoom, watch: Watch) -> None:
    lost = closed_today(halt_room, profit_abs=-50.5)
    halt_room.bot.answers["trades"] = (200, {"trades": [lost], "total_trades": 1})

    assert "today's result is -50.5" in await watch.reason()
