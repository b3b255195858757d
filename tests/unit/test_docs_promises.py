"""Each promise in the documents names tests that exist."""

import re

import pytest

from pilothouse.settings import CHECKOUT
from tests.fixtures.docs import DOCUMENTS, name_of

NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
HOLDERS = [(name_of(page), *found) for page in DOCUMENTS for found in NAMED.findall(page.read_text())]


@pytest.mark.parametrize(("page", "file", "test"), HOLDERS)
def test_a_test_that_holds_a_promise_exists(page: str, file: str, test: str) -> None:
    text = (CHECKOUT / file).read_text()

    assert f"def {test}(" in text if test else "def test_" in text, f"{page} names {file}::{test}"


def test_the_controllers_promises_are_among_them() -> None:
    assert len([page for page, _, _ in HOLDERS if page.endswith("services/controller.md")]) > 10
