"""Whatever the documents point at is there."""

from pathlib import Path

import pytest

from pilothouse.settings import CHECKOUT
from tests.fixtures.docs import DOCUMENTS, anchors, links, name_of, named_paths


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_of_it(document: Path) -> None:
    for target in links(document):
        place, _, anchor = target.partition("#")
        file = (document.parent / place).resolve() if place else document

        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_path_named_in_the_text_exists(document: Path) -> None:
    missing = [path for path in named_paths(document) if not (CHECKOUT / path).exists()]

    assert missing == []


def test_the_readme_leads_to_every_folder() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    folders = {path.parent.name for path in DOCUMENTS if path.parent.parent == CHECKOUT and path.name == "README.md"}

    assert {folder for folder in folders if f"{folder}/" not in readme} == set()
