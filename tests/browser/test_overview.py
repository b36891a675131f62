"""The card of the course in JupyterLab: progress on the screen, none in the file, links that open the lessons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradviz.teach.course import lesson, lessons
from tests.browser.lab import CURRENT, Page

NAME = "course.ipynb"
CELLS = ["from gradviz.teach import overview", "overview()"]
SAVED, LIVE = (f".jp-Notebook [data-course={kind}]" for kind in ("saved", "live"))


@pytest.fixture
def home(page: Page) -> Iterator[Path]:
    """The folder that the server's kernels remember things in; empty again afterwards."""
    folder = Path(page.server.environ()["GRADVIZ_HOME"])
    folder.mkdir(exist_ok=True)
    yield folder
    (folder / "progress.json").unlink(missing_ok=True)


def remember(home: Path, *solved: str) -> None:
    checks = {id: {"state": "right", "tries": 1} for id in solved}
    stored = {"version": 1, "checks": checks, "predictions": {"03.p1": {"guess": 6, "answer": 12, "verdict": "off"}}}
    (home / "progress.json").write_text(json.dumps(stored))


def opened(page: Page) -> Any:
    """The live card, shown."""
    page.server.write(NAME, CELLS)
    page.open(NAME).run_all()
    card = page.tab.locator(LIVE)
    card.wait_for(state="visible")
    return card


def test_progress_is_on_the_screen_and_not_in_the_file(page: Page, home: Path) -> None:
    remember(home, "00.1", "00.2", "00.3", "03.1")
    card = opened(page)
    assert "4 of " in card.inner_text()
    assert "Go on with 03" in card.inner_text()
    assert "exercises 3 of 3" in card.locator("li").first.inner_text()
    assert not page.tab.locator(SAVED).is_visible()
    page.save()
    kept = json.dumps(page.server.read(NAME))
    assert "Begin with 00" in kept
    assert "Go on with" not in kept
    assert "4 of " not in kept


@pytest.mark.parametrize("trusted", [True, False], ids=["reopened", "a stranger's"])
def test_without_a_kernel_it_is_the_list(page: Page, home: Path, trusted: bool) -> None:
    remember(home, "00.1")
    opened(page)
    page.save()
    name = NAME if trusted else "stranger.ipynb"
    if not trusted:
        page.server.stranger(NAME, name)
    page.open(name, kernel=False)
    page.tab.get_by_text(f"All {len(lessons())} lessons").locator("visible=true").click()
    card = page.tab.locator(".jp-OutputArea-output ul").locator("visible=true")  # a stranger's HTML has no data-course
    card.wait_for()
    assert [item.split("\n")[1].strip() for item in card.locator("li").all_inner_texts()] == [
        it.title for it in lessons()
    ]
    assert "exercises 0 of 3" in card.inner_text()
    assert page.tab.get_by_text("Loading widget").locator("visible=true").count() == 0
    drawn = "all => all.length > 0 && all.every(li => li.getBoundingClientRect().width >= 240)"
    for _ in range(50):  # JupyterLab may render the output once more while it opens the file
        if card.locator("li").evaluate_all(drawn):
            return
        page.tab.wait_for_timeout(100)
    pytest.fail("the cards have lost their style")


def test_a_link_opens_the_lesson_in_the_same_window(page: Page, home: Path) -> None:
    folder = page.server.root / "of mine"
    folder.mkdir(exist_ok=True)
    target = lesson("03").notebook.name
    page.server.write(f"of mine/{target}", ["1 + 1"])
    page.server.write(f"of mine/{NAME}", CELLS)
    page.open(f"of mine/{NAME}").run_all()
    page.tab.evaluate("() => { window.stillHere = true; }")
    card = page.tab.locator(LIVE)
    card.locator("summary").click()
    card.get_by_role("link", name=lesson("03").title).click()
    page.tab.wait_for_function(f"path => {CURRENT}?.context?.path === path", arg=f"of mine/{target}")
    assert page.tab.evaluate("() => window.stillHere === true")


def test_it_is_read_anew_when_one_comes_back(page: Page, home: Path) -> None:
    card = opened(page)
    assert "0 of " in card.inner_text()
    remember(home, "00.1", "00.2")
    page.server.write("other.ipynb", ["1 + 1"])
    page.command("docmanager:open", path="other.ipynb")
    card.wait_for(state="hidden")
    page.command("docmanager:open", path=NAME)
    page.tab.wait_for_function("css => document.querySelector(css)?.innerText.includes('2 of ')", arg=LIVE)
