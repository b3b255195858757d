"""Whoever must answer is reminded once, while there is still time."""

from broker.reminders import remind_once
from tests.fixtures.approvals import Office


async def test_an_intent_is_said_to_be_due_once_in_the_last_fifth_of_its_time(office: Office) -> None:
    intent, _ = await office.has(), await office.has("approved")
    books, clock = office.intents.books, office.clock

    early = await remind_once(books, set(), clock=clock)
    clock.go_on(minutes=13)
    first = await remind_once(books, early, clock=clock)
    again = await remind_once(books, first, clock=clock)
    clock.go_on(minutes=3)
    late = await remind_once(books, again, clock=clock)

    reminders = [each["subject"] for each in await office.log() if each["kind"] == "intent.reminded"]
    assert (early, first, again, late) == (set(), {intent.id}, {intent.id}, set())
    assert reminders == [str(intent.id)]
