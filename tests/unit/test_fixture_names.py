"""Fixtures of all files live in one space of names: a second one of a name would quietly replace the first."""

import ast
from collections import Counter
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures"


def test_no_two_files_give_a_fixture_the_same_name() -> None:
    trees = [ast.parse(path.read_text()) for path in FIXTURES.glob("*.py")]
    functions = (
        each for tree in trees for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    names = Counter(each.name for each in functions if any("fixture" in ast.unparse(of) for of in each.decorator_list))

    assert len(names) > 50
    assert {name for name, times in names.items() if times > 1} == set()
