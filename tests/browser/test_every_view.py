"""What must hold for every view there is: those of the gallery, from the code that the gallery shows.

On a plain page: nothing in the console, no request, every control has a name, every text can be read in both themes,
nothing sticks out from 600 to 1,600 pixels, the keys that all views share do no harm.
In JupyterLab: all of them in one notebook, live; opened again without a kernel; a stranger's; exported; run again.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser.lab import VIEW, Page, Server, code_notebook

REPO = Path(__file__).resolve().parent.parent.parent
GALLERY = REPO / "docs" / "gallery"
NAME = "every.ipynb"
KEYS = [
    "?",
    "Escape",
    "End",
    "ArrowLeft",
    "ArrowRight",
    "Shift+ArrowRight",
    "Home",
    "t",
    "Escape",
    "c",
    "]",
    "[",
    "Enter",
]
HERE = Path(__file__).parent
CONTRAST = (HERE / "contrast.js").read_text("utf-8")
UNNAMED = (HERE / "unnamed.js").read_text("utf-8")
STICKS_OUT = (HERE / "sticks_out.js").read_text("utf-8")


sys.path.insert(0, str(GALLERY))
from gallery_pages import PAGES  # noqa: E402  (the code of the gallery's pages)

EVERY = pytest.mark.parametrize("make", PAGES, ids=[make.__name__ for make in PAGES])
MADE: dict[str, str] = {}


def html_of(make: Callable[[], Any]) -> str:
    """A view of the gallery as HTML, made once."""
    if make.__name__ not in MADE:
        MADE[make.__name__] = make().to_html()
    return MADE[make.__name__]


@EVERY
def test_keys_names_and_contrast(show: Any, tab: Page, make: Callable[[], Any]) -> None:
    view = show(html_of(make))
    assert view.element.evaluate(UNNAMED) == []
    assert view.element.get_attribute("aria-label")
    assert view.element.evaluate("host => host.shadowRoot.querySelector('[aria-live]') !== null")
    view.focus()
    for key in KEYS:
        view.keyboard.press(key)
    assert view.element.evaluate("host => !host.shadowRoot.querySelector('.status[data-level=error]')")
    for scheme in ("light", "dark"):
        tab.tab.emulate_media(color_scheme=scheme)
        tab.tab.wait_for_function(
            "([host, theme]) => host.dataset.theme === theme", arg=[view.element.element_handle(), scheme]
        )
        low = [entry for entry in view.element.evaluate(CONTRAST) if entry["ratio"] < 4.5]
        assert low == [], scheme


@EVERY
def test_nothing_sticks_out(show: Any, tab: Page, make: Callable[[], Any], tmp_path: Path) -> None:
    """With GRADVIZ_SCREENSHOTS set to a folder, the pictures stay there to be looked at."""
    folder = Path(os.environ.get("GRADVIZ_SCREENSHOTS") or tmp_path)
    view = show(html_of(make), width=600)
    for width in (600, 800, 1280, 1600):
        tab.tab.set_viewport_size({"width": width, "height": 900})
        view.element.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert view.element.evaluate(STICKS_OUT) == [], width
        assert tab.tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
        if width in (800, 1280):
            tab.screenshot(folder / f"{make.__name__}-{width}.png")


# -- in JupyterLab -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(chromium: object, lab: Server) -> str:
    """All views in one notebook, run and saved in JupyterLab as a learner would: its name on the server."""
    lab.write(NAME, [code_of(make) for make in PAGES])
    page = Page(chromium.new_context(viewport={"width": 1280, "height": 900}).new_page(), lab)
    page.open(NAME).run_all()
    everything_is_there(page)
    page.save()
    page.close()
    lab.stop_kernels()
    assert page.problems == []
    return NAME


def code_of(make: Callable[[], Any]) -> str:
    """A cell that makes the view as the gallery does."""
    return "\n".join([
        "import sys",
        f"sys.path.insert(0, {str(GALLERY)!r})",
        f"from {make.__module__} import {make.__name__}",
        f"{make.__name__}()",
    ])  # fmt: skip


def everything_is_there(page: Page) -> None:
    """Every view has been painted."""
    page.tab.wait_for_function(
        "([css, count]) => document.querySelectorAll(css).length >= count", arg=[VIEW, len(PAGES)], timeout=60_000
    )


def test_live_views_answer_the_keyboard(page: Page, saved: str) -> None:
    page.open(saved).run_all()
    everything_is_there(page)
    for i in range(len(PAGES)):
        view = page.ready(i)
        view.focus()
        for key in ("ArrowRight", "End", "Home"):
            view.keyboard.press(key)
    assert page.cell_count() == len(PAGES), "no key may reach the notebook"


def test_reopened_without_a_kernel(page: Page, saved: str) -> None:
    page.open(saved, kernel=False)
    replays = len([make for make in PAGES if "LIVE" not in inspect.getdoc(make)])
    page.tab.wait_for_function(
        "([css, count]) => document.querySelectorAll(css).length >= count", arg=[VIEW, replays], timeout=60_000
    )
    assert not page.has_kernel()


def test_a_strangers_notebook_shows_pictures(page: Page, saved: str) -> None:
    page.server.stranger(saved, "stranger-every.ipynb")
    page.open("stranger-every.ipynb", kernel=False)
    picture = page.tab.locator(".jp-OutputArea-output img[src^='data:image/svg+xml']")
    picture.first.wait_for(state="visible")
    assert picture.count() == len(PAGES)
    for i in range(len(PAGES)):
        assert picture.nth(i).evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        assert picture.nth(i).get_attribute("alt")
    assert page.views() == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_exported_and_opened_offline(tab: Page, lab: Server, saved: str, tmp_path: Path) -> None:
    from nbconvert import HTMLExporter

    def export(notebook: nbformat.NotebookNode, file: Path) -> set[str]:
        html, _ = HTMLExporter().from_notebook_node(notebook)
        file.write_text(html, encoding="utf-8")
        return set(re.findall(r"https?://[^\s\"'<>)]+", html))

    theirs = export(code_notebook(["1"]), tmp_path / "empty.html")
    notebook = lab.read(saved)
    for cell in notebook.cells:
        for output in cell.outputs:
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        cell.outputs = [output for output in cell.outputs if output.get("data", True)]
    ours = export(notebook, tmp_path / "every.html") - theirs
    assert {url for url in ours if "www.w3.org" not in url} == set()
    tab.tab.goto((tmp_path / "every.html").as_uri())
    everything_is_there(tab)
    tab.problems = [problem for problem in tab.problems if not any(url in problem for url in theirs)]


def test_run_again_by_nbval(lab: Server, saved: str, tmp_path: Path) -> None:
    nbformat.write(lab.read(saved), tmp_path / NAME)
    options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120", "-q", "-p", "no:cacheprovider"]
    options += [f"--nbval-sanitize-with={REPO / 'tests/notebooks/sanitize.cfg'}"]
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(tmp_path / NAME)]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, env=lab.environ(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(PAGES)} passed" in done.stdout
