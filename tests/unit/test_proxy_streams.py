"""10,000 event streams, split anywhere and damaged: only whole answers get past the proxy's reader."""

from collections import Counter
from decimal import Decimal

import pytest

from proxy.calls import Outcome
from proxy.reading import StreamReader
from tests.fixtures.event_streams import Stream, make, read

STREAMS = 10_000
TOO_LARGE = 8_000_001


def test_of_ten_thousand_streams_only_the_whole_ones_pass_and_those_unchanged() -> None:
    became = Counter[str]()

    for seed in range(STREAMS):
        stream = make(seed)
        passed, broken, outcome = relayed(stream)
        seen = read(passed)
        if broken:
            assert seen.error is not None or seen.unreadable, f"stream {seed}: nobody notices"
            assert set(seen.ends[:-1]) <= {"stop", "tool_calls"}, f"stream {seed}: a bad end was passed on"
            assert outcome.error, f"stream {seed}"
            assert outcome.error.isprintable(), f"stream {seed}: no text for a column"
        else:
            assert not seen.acted_on or seen.whole, f"stream {seed}: taken for whole"
            assert stream.sent.startswith(passed.rstrip()), f"stream {seed}: changed"
        if stream.whole is not None:
            assert stream.whole is not broken, f"stream {seed}"
        if stream.whole:
            assert seen.text == stream.text, f"stream {seed}"
            assert outcome.cost_usd == Decimal("0.25"), f"stream {seed}"
        became[f"{stream.whole} {broken}"] += 1

    assert min(became["True False"], became["False True"], became["None True"], became["None False"]) > 100, became


def relayed(stream: Stream) -> tuple[bytes, bool, Outcome]:
    outcome = Outcome()
    reader = StreamReader(outcome, b"{}")
    passed = b"".join(map(reader.feed, stream.pieces))
    passed += reader.break_off("the provider's answer broke off") if stream.drops else reader.finish()
    return passed + (reader.broken.chunk() if reader.broken else b""), reader.broken is not None, outcome


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_last_event_without_its_end_gets_one_because_clients_would_drop_it(end: bytes) -> None:
    reader = StreamReader(Outcome(), b"{}")

    passed = reader.feed(b'data: {"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]}' + end)

    assert read(passed + reader.finish()).text == "yes"


def test_a_line_that_never_ends_is_given_up_and_not_kept() -> None:
    reader = StreamReader(Outcome(), b"{}")

    for _ in range(TOO_LARGE // 1_000 + 1):
        assert reader.feed(b"x" * 1_000) == b""

    assert reader.broken
    assert reader.broken.reason == "unreadable"
