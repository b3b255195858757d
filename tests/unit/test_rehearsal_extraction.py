from collections.abc import Callable

Extracted = Callable[..., list[str]]


def test_facts_and_preferences_of_the_user_are_kept_in_their_words(extracted: Extracted) -> None:
    lines = "user: I prefer ETH. My name is Ada.\nassistant: I am a model. My limit is 3."

    assert extracted(lines) == ["I prefer ETH", "My name is Ada"]


def test_a_thing_to_remember_is_found_inside_a_question(extracted: Extracted) -> None:
    lines = "user: How is my bot doing, and remember that I never want more than three open trades"

    assert extracted(lines) == ["I never want more than three open trades"]


def test_questions_and_small_talk_are_not_facts(extracted: Extracted) -> None:
    assert (
        extracted("user: Is my bot fine? Do I need a stop? What is my limit? Thanks!\nassistant: I never sleep.") == []
    )


def test_a_number_with_a_point_does_not_end_a_fact(extracted: Extracted) -> None:
    assert extracted("user: My limit is 2.5 percent of 1,000.50 USDT.") == ["My limit is 2.5 percent of 1,000.50 USDT"]


def test_what_is_known_already_is_not_kept_twice(extracted: Extracted) -> None:
    assert extracted("user: I prefer ETH. I prefer ETH!", known=["i prefer eth."]) == []


def test_a_second_line_of_a_message_belongs_to_its_speaker(extracted: Extracted) -> None:
    assert extracted("assistant: Well\nI never forget\nuser: Hello\nI live in Porto") == ["I live in Porto"]
