"""The page's files: nothing from elsewhere, nothing inline, model text never becomes markup."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "api" / "static"
FILES = sorted(path for path in STATIC.iterdir() if path.suffix in {".html", ".js", ".css", ".svg"})
MARKUP_SINKS = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_names_no_other_host(path: Path) -> None:
    text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")

    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".js"], ids=lambda path: path.name)
def test_script_never_turns_text_into_markup(path: Path) -> None:
    assert not re.findall(MARKUP_SINKS, path.read_text())


def test_page_holds_no_inline_script_or_style() -> None:
    page = (STATIC / "index.html").read_text()

    assert not re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert "default-src 'self'" in page


def test_key_field_has_no_name_so_that_no_form_can_send_it() -> None:
    field = re.search(r'<input id="key"[^>]*>', (STATIC / "index.html").read_text())

    assert field is not None
    assert "name=" not in field.group()


def test_every_file_the_page_loads_is_there() -> None:
    page = (STATIC / "index.html").read_text()
    scripts = "".join(path.read_text() for path in FILES if path.suffix == ".js")
    loaded = {*re.findall(r'(?:src|href)="([\w.-]+)"', page), *re.findall(r'from "\./([\w.-]+)"', scripts)}

    assert loaded <= {path.name for path in FILES}
    assert {"app.js", "style.css", "run.js", "stream.js", "turn.js", "view.js", "panel.js", "icon.svg"} == loaded
