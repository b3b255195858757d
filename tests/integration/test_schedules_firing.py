"""What is due is fired once; what was missed, waits or cannot be stored is told."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest

from pilothouse.errors import BadInputError, ConflictError, NotFoundError
from tests.fixtures.schedules import HALF_PAST, USER, Timetable


async def test_it_is_fired_when_it_is_due_and_not_before_and_not_again(timetable: Timetable) -> None:
    schedule = await timetable.add()

    fired = [await timetable.at(12, 29, 59), await timetable.at(12, 30), await timetable.at(12, 31)]

    [run] = timetable.runs()
    after = await timetable.look(schedule)
    assert fired == [0, 1, 0]
    assert (run["caller"], run["message"], run["status"]) == ("schedule half past", schedule.message, "queued")
    assert (run["deadline_s"], run["max_model_calls"]) == (60, 5)
    assert timetable.jobs() == 1
    assert after.last_run
    assert (after.last_run["run_id"], after.last_run["status"]) == (str(run["id"]), "queued")
    assert after.next_at == datetime(2026, 11, 24, 13, 30, tzinfo=UTC)


async def test_each_run_has_a_thread_of_its_own_unless_one_is_named(timetable: Timetable) -> None:
    await timetable.add()
    await timetable.add(name="same thread", thread_id=uuid4())
    for hour in (12, 13):
        await timetable.at(hour, 30)
        timetable.end_runs()

    threads = {
        name: {run["thread_id"] for run in timetable.runs() if name in run["caller"]} for name in ("half", "same")
    }
    assert [len(each) for each in threads.values()] == [2, 1]


async def test_two_processes_that_look_at_once_fire_each_once(timetable: Timetable) -> None:
    for number in range(30):
        await timetable.add(name=f"{number}")
    timetable.now = timetable.now.replace(minute=30)

    await asyncio.gather(*(firing.fire_one() for firing in timetable.firings for _ in range(30)))

    await timetable.fire()
    assert sorted(int(run["caller"].split()[1]) for run in timetable.runs()) == list(range(30))
    assert timetable.jobs() == 30
    assert {each.skipped_because for each in await timetable.schedules.list_all(user_id=USER)} == {None}


async def test_what_cannot_be_stored_whole_stays_due(timetable: Timetable) -> None:
    await timetable.add()
    timetable.execute("REVOKE INSERT ON jobs.procrastinate_jobs FROM pilothouse_controller")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        await timetable.at(12, 30)
    stored = timetable.runs()
    timetable.execute("GRANT INSERT ON jobs.procrastinate_jobs TO pilothouse_controller")

    fired = await timetable.fire()

    assert (list(stored), fired, len(timetable.runs())) == ([], 1, 1)


@pytest.mark.parametrize(("missed", "caught_up_on"), [("skip", 0), ("once", 1)])
async def test_what_was_missed_for_a_day_is_caught_up_on_once_or_not_at_all(
    timetable: Timetable, missed: str, caught_up_on: int
) -> None:
    schedule = await timetable.add(missed=missed)
    timetable.tomorrow()

    await timetable.at(12, 15)

    after = await timetable.look(schedule)
    assert len(timetable.runs()) == caught_up_on
    assert (after.skipped_because is None) == bool(caught_up_on)
    assert after.next_at == datetime(2026, 11, 25, 12, 30, tzinfo=UTC)


async def test_a_moment_late_is_not_missed(timetable: Timetable) -> None:
    await timetable.add()

    await timetable.at(12, 30, 55)

    assert len(timetable.runs()) == 1


async def test_one_run_waits_behind_the_one_under_way_and_no_more(timetable: Timetable) -> None:
    schedule = await timetable.add(thread_id=uuid4())
    await timetable.at(12, 30)
    timetable.execute("UPDATE controller.runs SET status = 'running'")

    for hour in (13, 14, 15):
        await timetable.at(hour, 30)

    after = await timetable.look(schedule)
    assert [run["status"] for run in timetable.runs()] == ["running", "queued"]
    assert after.skipped_at == datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
    assert after.skipped_because == "its run before still waited"


async def test_a_paused_one_is_not_fired_and_catches_up_on_nothing_when_it_goes_on(timetable: Timetable) -> None:
    schedule = await timetable.add(missed="once")
    await timetable.schedules.change(schedule.id, user_id=USER, changes={"enabled": False})
    fired = await timetable.at(14, 45)

    after = await timetable.schedules.change(schedule.id, user_id=USER, changes={"enabled": True})

    assert (fired, await timetable.fire()) == (0, 0)
    assert after.next_at == datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


async def test_changing_what_is_asked_does_not_move_when_it_is_due(timetable: Timetable) -> None:
    schedule = await timetable.add()
    timetable.now = timetable.now.replace(minute=30)
    await timetable.schedules.change(schedule.id, user_id=USER, changes={"message": "And now?"})

    await timetable.fire()

    assert [run["message"] for run in timetable.runs()] == ["And now?"]


async def test_a_time_that_was_fired_before_is_not_fired_again_after_a_change(timetable: Timetable) -> None:
    schedule = await timetable.add()
    await timetable.at(12, 30)
    timetable.end_runs()
    timetable.now = timetable.now.replace(minute=29)  # another process, whose clock is behind
    for zone in ("UTC", "Europe/Berlin"):
        await timetable.schedules.change(schedule.id, user_id=USER, changes={"zone": zone})

    fired = await timetable.at(12, 30)

    assert (fired, len(timetable.runs())) == (1, 1)
    assert (await timetable.look(schedule)).skipped_because == "it was fired for that time before"


async def test_one_whose_time_zone_is_no_more_is_paused_and_the_others_go_on(timetable: Timetable) -> None:
    schedule = await timetable.add(name="gone")
    timetable.execute("UPDATE controller.schedules SET zone = 'Europe/Atlantis'")
    await timetable.add()

    fired = await timetable.at(12, 30)

    after = await timetable.look(schedule)
    assert fired == 2
    assert [run["caller"] for run in timetable.runs()] == ["schedule half past"]
    assert (after.enabled, after.skipped_because) == (False, "there is no time zone 'Europe/Atlantis'")


async def test_run_now_does_not_move_when_it_is_due_and_refuses_a_second_one_that_would_wait(
    timetable: Timetable,
) -> None:
    schedule = await timetable.add(enabled=False)

    run = await timetable.schedules.run_now(schedule.id, user_id=USER)

    with pytest.raises(ConflictError, match="waiting already"):
        await timetable.schedules.run_now(schedule.id, user_id=USER)
    after = await timetable.look(schedule)
    assert [each["id"] for each in timetable.runs()] == [run.id]
    assert after.last_run
    assert (after.last_run["run_id"], after.next_at) == (str(run.id), schedule.next_at)


async def test_other_peoples_schedules_do_not_exist(timetable: Timetable) -> None:
    schedule = await timetable.add()
    await timetable.add(user_id="eve")

    for attempt in (
        timetable.schedules.get(schedule.id, user_id="eve"),
        timetable.schedules.change(schedule.id, user_id="eve", changes={"message": "Sell"}),
        timetable.schedules.run_now(schedule.id, user_id="eve"),
        timetable.schedules.delete(schedule.id, user_id="eve"),
    ):
        with pytest.raises(NotFoundError):
            await attempt
    assert len(await timetable.schedules.list_all(user_id=USER)) == 1
    assert timetable.runs() == []


async def test_what_never_comes_is_not_stored_and_a_name_is_taken_once(timetable: Timetable) -> None:
    await timetable.add()

    with pytest.raises(BadInputError):
        await timetable.schedules.add(replace(HALF_PAST, name="bad", cron="0 0 31 2 *"))
    with pytest.raises(ConflictError, match="half past"):
        await timetable.add()

    assert [each.name for each in await timetable.schedules.list_all(user_id=USER)] == ["half past"]


async def test_a_schedule_outlives_the_thread_and_the_run_it_had_last(timetable: Timetable) -> None:
    schedule = await timetable.add(thread_id=uuid4())
    await timetable.at(12, 30)
    timetable.execute("DELETE FROM controller.runs; DELETE FROM controller.threads")

    gone = await timetable.look(schedule)
    await timetable.at(13, 30)

    assert gone.last_run is None
    assert [run["thread_id"] for run in timetable.runs()] == [schedule.thread_id]
