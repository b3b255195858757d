"""The audit log on a real database: every kind of tampering is found by name, and nothing is found where none was."""

import os
from decimal import Decimal
from typing import LiteralString

import pytest

from tests.fixtures.audit import TO_FILLED, AuditedBooks
from tests.fixtures.broker import until
from tests.fixtures.money import make_intent

SWAP = """
    UPDATE broker.audit AS mine
    SET at = other.at, kind = other.kind, subject = other.subject, body = other.body, mac = other.mac
    FROM broker.audit AS other
    WHERE (mine.seq, other.seq) IN ((%(one)s, %(two)s), (%(two)s, %(one)s))"""


async def test_an_untouched_chain_is_whole(audited: AuditedBooks) -> None:
    await audited.note(3)
    exact = make_intent(stake=Decimal("20.50"), price_seen=Decimal("3010.840"))
    await audited.enter(exact, *TO_FILLED, fill={"amount": "0.0068", "rate": 3010.84})
    await audited.enter(make_intent(evidence=["Grüße", "\N{ROCKET}"]), "refused", refusals=[{"code": "max_stake"}])

    verification = await audited.verify()

    assert (verification.records, verification.findings) == (10, [])


async def test_nothing_is_found_before_the_first_record(audited: AuditedBooks) -> None:
    assert await audited.found() == []


@pytest.mark.parametrize(
    "edit",
    [
        "SET body = '{\"number\":9}'",
        "SET subject = 'another thing'",
        "SET kind = 'test.other'",
        "SET at = at + interval '1 microsecond'",
        "SET mac = repeat('a', 64)",
    ],
)
async def test_an_edited_field_is_found(audited: AuditedBooks, edit: LiteralString) -> None:
    await audited.note(6)

    audited.tamper("UPDATE broker.audit " + edit + " WHERE seq = 4")

    assert await audited.found() == [("edited", "record 4")]


async def test_a_deleted_row_is_found(audited: AuditedBooks) -> None:
    await audited.note(6)

    audited.tamper("DELETE FROM broker.audit WHERE seq = 4")

    assert await audited.found() == [("deleted", "record 4")]


async def test_a_deleted_beginning_is_found(audited: AuditedBooks) -> None:
    await audited.note(6)

    audited.tamper("DELETE FROM broker.audit WHERE seq <= 3")

    assert await audited.found() == [("deleted", "records 1 to 3")]


async def test_a_deleted_row_is_found_when_the_later_ones_move_up(audited: AuditedBooks) -> None:
    await audited.note(6)

    audited.tamper("DELETE FROM broker.audit WHERE seq = 4")
    audited.tamper("UPDATE broker.audit SET seq = 4 WHERE seq = 5")
    audited.tamper("UPDATE broker.audit SET seq = 5 WHERE seq = 6")

    found = await audited.found()
    assert ("edited", "record 4") in found
    assert ("cut", "record 6") in found


@pytest.mark.parametrize(("one", "two"), [(3, 4), (2, 5), (5, 6)])
async def test_a_reordered_pair_is_found(audited: AuditedBooks, one: int, two: int) -> None:
    await audited.note(7)

    audited.tamper(SWAP, one=one, two=two)

    verification = await audited.verify()
    assert [(each.kind, each.subject) for each in verification.findings] == [
        ("reordered", f"record {one}"),
        ("reordered", f"record {two}"),
    ]
    assert f"written as {two}" in verification.findings[0].message


async def test_a_cut_tail_is_found(audited: AuditedBooks) -> None:
    await audited.note(6)

    audited.tamper("DELETE FROM broker.audit WHERE seq > 4")

    assert await audited.found() == [("cut", "records 5 to 6")]


async def test_a_log_that_was_emptied_is_found(audited: AuditedBooks) -> None:
    await audited.note(2)

    audited.tamper("DELETE FROM broker.audit")

    assert await audited.found() == [("cut", "records 1 to 2")]


async def test_a_cut_tail_is_still_found_after_more_was_written(audited: AuditedBooks) -> None:
    await audited.note(6)
    audited.tamper("DELETE FROM broker.audit WHERE seq > 4")

    await audited.note(9)

    assert await audited.found() == [("cut", "record 6")]


async def test_records_that_somebody_without_the_key_appended_are_found(audited: AuditedBooks) -> None:
    await audited.note(2)

    audited.tamper(
        "INSERT INTO broker.audit SELECT seq + 1, at, kind, subject, body, repeat('b', 64)"
        " FROM broker.audit WHERE seq = 2"
    )

    assert await audited.found() == [("edited", "record 3")]


async def test_a_missing_head_file_is_found_also_after_more_was_written(audited: AuditedBooks) -> None:
    await audited.note(2)
    (audited.folder / "audit.head").unlink()

    before = await audited.found()
    await audited.note()

    assert before == [("head", "audit.head")]
    assert await audited.found() == [("head", "audit.proof")]


async def test_a_forged_head_file_is_found(audited: AuditedBooks) -> None:
    await audited.note(6)
    head = audited.folder / "audit.head"
    seq, mac, seal = head.read_text().split()

    head.write_text(f"{int(seq) - 2} {mac} {seal}\n")
    audited.tamper("DELETE FROM broker.audit WHERE seq > 4")

    assert await audited.found() == [("head", "audit.head")]


async def test_another_key_makes_nothing_of_it_good(audited: AuditedBooks) -> None:
    await audited.note(30)

    findings = (await audited.verify(b"another key")).findings

    assert ("edited", "record 1") in [(each.kind, each.subject) for each in findings]
    assert findings[-1].kind == "unchecked"
    assert "PILOTHOUSE_AUDIT_KEY" in findings[-1].message


@pytest.mark.parametrize(
    "edit",
    [
        "SET stake = 2000",
        "SET pair = 'BTC/USDT'",
        "SET state = 'approved'",
        "SET decided_by = 'nobody'",
        "SET hash = repeat('c', 64)",
        "SET evidence = '[\"other\"]'",
    ],
)
async def test_an_intent_that_was_changed_in_the_books_is_found(audited: AuditedBooks, edit: LiteralString) -> None:
    await audited.enter(make_intent())
    intent = await audited.enter(make_intent(), "awaiting_approval")

    audited.tamper("UPDATE broker.intents " + edit + " WHERE id = %(id)s", id=intent.id)

    assert await audited.found() == [("intent_changed", f"intent {intent.id}")]


async def test_an_intent_without_its_records_and_records_without_their_intent_are_found(audited: AuditedBooks) -> None:
    deleted, smuggled = await audited.enter(make_intent()), make_intent().id

    audited.tamper("UPDATE broker.intents SET id = %(smuggled)s", smuggled=smuggled)

    assert await audited.found() == [
        ("intent_unrecorded", f"intent {smuggled}"),
        ("intent_missing", f"intent {deleted.id}"),
    ]


async def test_a_kill_between_commit_and_head_leaves_a_whole_chain(audited: AuditedBooks) -> None:
    await audited.note(2)
    os.mkfifo(audited.folder / "audit.new")  # who writes the head now waits for ever: the record is committed by then
    writer = audited.append_in_a_process()

    async def committed() -> bool:
        return audited.count() == 3

    try:
        await until(committed)
    finally:
        writer.kill()
        writer.wait()
    (audited.folder / "audit.new").unlink()

    head_after_kill = (audited.folder / "audit.head").read_text().split()[0]
    after_kill = await audited.found()
    await audited.note()
    assert (head_after_kill, after_kill) == ("2", [])
    assert (audited.folder / "audit.head").read_text().split()[0] == "4"
    assert (await audited.verify()).findings == []


async def test_a_transaction_that_fails_leaves_neither_record_nor_head(audited: AuditedBooks) -> None:
    with pytest.raises(ZeroDivisionError):
        await audited.fail_while_writing()

    await audited.note()

    assert (await audited.verify()).records == 1
    assert await audited.found() == []


async def test_the_command_names_what_is_wrong_and_ends_with_1(audited: AuditedBooks) -> None:
    await audited.note(4)
    whole = audited.verify_by_command()

    audited.tamper("DELETE FROM broker.audit WHERE seq = 2")
    broken = audited.verify_by_command()

    assert (whole.returncode, whole.stdout) == (0, "4 records: whole\n")
    assert broken.returncode == 1
    assert broken.stdout.startswith("record 2: record 2 was deleted")
    assert broken.stdout.endswith("3 records: not whole\n")
