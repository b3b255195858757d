"""What `bench turns` reads of each server's stream, from pieces of streams as they came."""

import pytest

from benchmarks.dialects import Dialect, Floor, LangGraph, OpenAI, Pilothouse, Turn
from benchmarks.question import RESULT, is_whole
from benchmarks.sse import WHOLE, Event, Parser

OURS = b"""id: 1
event: run.started
data: {"run_id":"r","thread_id":"t-1","model":"pilothouse/rehearsal"}

id: 2
event: message.delta
data: {"message_id":"think.1#1","text":"One "}

: ping

id: 3
event: message.delta
data: {"message_id":"think.1#1","text":"two"}

id: 4
event: run.finished
data: {"run_id":"r","thread_id":"t-1","answer":"One two","cost_usd":"0.1"}

"""
AEGRA = b"""event: metadata
data: {"run_id":"r","attempt":1}
id: r_event_1

event: messages
data: [{"content":"","type":"AIMessageChunk","response_metadata":{"finish_reason":"tool_calls"}},{}]
id: r_event_2

event: messages
data: [{"content":"the tool's own words","type":"tool","response_metadata":{}},{}]
id: r_event_3

event: messages
data: [{"content":"One ","type":"AIMessageChunk","response_metadata":{}},{}]
id: r_event_4

event: messages
data: [{"content":"two","type":"AIMessageChunk","response_metadata":{"finish_reason":"stop"}},{}]
id: r_event_5

event: end
data: {"status":"success"}

"""
LANGGRAPH_DEV = AEGRA.replace(b"\n", b"\r\n")
FLOOR = b"""data: {"choices":[{"delta":{"role":"assistant","content":"One "},"finish_reason":null}]}

data: {"choices":[{"delta":{"content":"two"},"finish_reason":"stop"}]}

data: [DONE]

"""
STREAMS: dict[str, tuple[Dialect, bytes]] = {
    "pilothouse": (Pilothouse("http://ours", "ph_key"), OURS),
    "aegra": (LangGraph("http://aegra"), AEGRA),
    "langgraph dev": (LangGraph("http://dev"), LANGGRAPH_DEV),
    "floor": (Floor("http://floor"), FLOOR),
    "openai": (OpenAI("http://openai/v1", {}, model="some/model", streamed=True), FLOOR),
}
streams = pytest.mark.parametrize(("dialect", "stream"), STREAMS.values(), ids=STREAMS)


def read(dialect: Dialect, stream: bytes, *, piece_bytes: int) -> Turn:
    turn, parser = Turn(), Parser()
    for start in range(0, len(stream), piece_bytes):
        for event in parser.feed(stream[start : start + piece_bytes]):
            dialect.read(event, turn)
    return turn


@pytest.mark.parametrize("piece_bytes", [1, 7, 100_000])
@streams
def test_only_the_models_words_are_the_answer_however_the_bytes_are_cut(
    dialect: Dialect, stream: bytes, piece_bytes: int
) -> None:
    turn = read(dialect, stream, piece_bytes=piece_bytes)

    assert turn.text == "One two"
    assert turn.ended
    assert not turn.error


@streams
def test_a_stream_that_breaks_off_has_not_ended(dialect: Dialect, stream: bytes) -> None:
    turn = read(dialect, stream[: stream.index(b"two")], piece_bytes=100_000)

    assert turn.text == "One "
    assert not turn.ended


def test_a_word_lost_on_the_way_is_noticed_at_our_end() -> None:
    turn = read(Pilothouse("http://ours", "ph_key"), OURS.replace(b'"One "', b'""'), piece_bytes=100_000)

    assert not turn.ended


@pytest.mark.parametrize(
    ("dialect", "event"),
    [
        (LangGraph("http://aegra"), Event("error", b'{"error":"GraphRecursionError"}')),
        (Pilothouse("http://ours", "ph_key"), Event("run.failed", b'{"error":{"code":"timed_out"}}')),
    ],
)
def test_a_servers_own_error_fails_the_turn(dialect: Dialect, event: Event) -> None:
    turn = Turn()

    dialect.read(event, turn)

    assert turn.error == event.data.decode()


def test_an_error_in_the_middle_of_openais_stream_fails_the_turn() -> None:
    turn = Turn()

    Floor("http://floor").read(Event("message", b'{"error":{"code":502},"choices":[]}'), turn)

    assert "502" in turn.error


@pytest.mark.parametrize(("finish", "ended"), [("stop", True), ("length", False)])
def test_an_answer_in_one_piece_has_ended_with_stop_only(finish: str, *, ended: bool) -> None:
    body = b'{"choices":[{"message":{"content":"One two"},"finish_reason":"%s"}]}' % finish.encode()
    turn = Turn()

    OpenAI("http://openai/v1", {}, model="some/model", streamed=False).read(Event(WHOLE, body), turn)

    assert (turn.text, turn.ended) == ("One two", ended)


def test_our_thread_is_the_one_our_server_names() -> None:
    ours = Pilothouse("http://ours", "ph_key")

    turn = read(ours, OURS, piece_bytes=100_000)

    assert ours.request("more", turn.thread).body == {"message": "more", "thread_id": "t-1"}


def test_an_answer_is_whole_with_every_row_of_the_tool_to_its_last_sign() -> None:
    rows = [f"| {' | '.join(row)} |" for row in RESULT["rows"]]
    answer = "\n".join(["The query returned 10 rows:", "", "| id | status |", "| --- | --- |", *rows])

    assert is_whole(answer)
    assert not is_whole(answer[:-2])
    assert not is_whole(answer.replace(rows[4] + "\n", ""))
    assert not is_whole(answer.replace("finished", "fin ished", 1))
    assert not is_whole("\n".join(rows))
    assert not is_whole("")
