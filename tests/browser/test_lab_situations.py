"""The stepper in every situation a learner meets it in.

live           the cell has just run
reopened       saved, opened again, trusted, no kernel: still a stepper
a stranger's   never signed on this machine: the picture and the table, no script
exported       nbconvert's HTML, opened from a file without a network: still a stepper
run again      by nbval, twice: the same output
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.browser.lab import Page, Server, View, code_notebook

NAME = "situations.ipynb"
CELLS = [
    "import gradviz as torch\nfrom gradviz.widgets import BackpropStepper",
    "x = torch.tensor([1.0, 2.0, 3.0])\nw = torch.tensor([0.5, -1.0, 2.0], requires_grad=True)\nloss = (x * w).sum()",
    "BackpropStepper(loss)",
    "loss.backward()\nprint(w.grad)",
]
PICTURE = ".jp-OutputArea-output img[src^='data:image/svg+xml']"


def step_through(view: View) -> None:
    """Forward and back, by keys and by mouse, and the numbers on the way."""
    last = view.length
    assert last >= 4
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    view.press("End", last)
    view.press("ArrowLeft", last - 1)
    view.do("last", last)
    view.do("previous", last - 1)
    view.do("first", 0)
    view.do("next", 1)
    view.press("End", last)
    card = view.card("w")
    numbers = {float(text.replace("\u2212", "-")) for text in re.findall(r"[-\u2212]?\d+(?:\.\d+)?", card)}
    assert {0.5, -1.0, 2.0} <= numbers, f"the values of w are not in its card:\n{card}"
    assert {1.0, 2.0, 3.0} <= numbers, f"the gradient of w is not in its card:\n{card}"


@pytest.fixture(scope="module")
def saved(chromium: object, lab: Server) -> str:
    """The notebook, run and saved in JupyterLab as a learner would: its name on the server."""
    lab.write(NAME, CELLS)
    page = Page(chromium.new_context().new_page(), lab)
    page.open(NAME).run_all()
    page.ready()
    page.save()
    page.close()
    lab.stop_kernels()
    assert page.problems == []
    return NAME


def test_live(page: Page) -> None:
    page.server.write("live.ipynb", CELLS)
    page.open("live.ipynb").run_all()
    step_through(page.ready())
    (printed,) = page.outputs(3)
    assert printed["text"] == "tensor([1., 2., 3.])\n", "stepping in the page must leave the session alone"


def test_running_the_cell_again_replaces_the_view(page: Page) -> None:
    page.server.write("again.ipynb", CELLS[:3])
    page.open("again.ipynb").run_all()
    page.ready()
    page.run_cell(2)
    step_through(page.ready())
    assert page.views() == 1


def test_reopened_without_a_kernel(page: Page, saved: str) -> None:
    page.open(saved, kernel=False)
    step_through(page.ready())
    assert page.trusted()
    assert not page.has_kernel()
    assert page.server.kernels() == 0


def test_a_strangers_notebook_shows_the_picture(page: Page, saved: str) -> None:
    page.server.stranger(saved, "stranger.ipynb")
    page.open("stranger.ipynb", kernel=False)
    picture = page.tab.locator(PICTURE)
    picture.wait_for(state="visible")
    assert not page.trusted()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    assert picture.get_attribute("alt")
    assert page.views() == 0, "no script may run in a notebook that is not trusted"
    page.tab.locator(".jp-OutputArea-output details summary").click()
    assert page.tab.locator(".jp-OutputArea-output details td").first.is_visible()
    assert "script" not in page.tab.locator(".jp-OutputArea-output").first.inner_text().lower()

    page.trust()
    step_through(page.ready())


def export(notebook: nbformat.NotebookNode, file: Path) -> Path:
    from nbconvert import HTMLExporter

    html, _ = HTMLExporter().from_notebook_node(notebook)
    file.write_text(html, encoding="utf-8")
    return file


def addresses(file: Path) -> set[str]:
    return set(re.findall(r"https?://[^\s\"'<>)]+", file.read_text("utf-8")))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_exported_to_html_and_opened_offline(tab: Page, lab: Server, saved: str, tmp_path: Path) -> None:
    empty = addresses(export(code_notebook(["1"]), tmp_path / "empty.html"))  # nbconvert's own
    page = export(lab.read(saved), tmp_path / "lesson.html")
    assert {url for url in addresses(page) - empty if "www.w3.org" not in url} == set()
    tab.tab.goto(page.as_uri())
    step_through(tab.ready())
    tab.problems = [problem for problem in tab.problems if not any(url in problem for url in empty)]


def test_run_again_by_nbval(lab: Server, saved: str, tmp_path: Path, repo: Path) -> None:
    pytest.importorskip("nbval", reason="nbval is not installed")
    nbformat.write(lab.read(saved), tmp_path / NAME)
    options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120", "-q", "-p", "no:cacheprovider"]
    sanitize = repo / "tests/notebooks/sanitize.cfg"
    options += [f"--nbval-sanitize-with={sanitize}"] if sanitize.is_file() else []
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(tmp_path / NAME)]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, env=lab.environ(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(CELLS)} passed" in done.stdout


def test_the_saved_output_is_small_and_the_same_each_time(lab: Server, page: Page, saved: str) -> None:
    first = lab.read(saved).cells[2].outputs[0].data
    page.open(saved).run_all()
    page.ready()
    (again,) = page.outputs(2)
    assert set(first) == {"text/plain", "text/html"}
    assert again["data"] == first
    assert len("".join(first["text/html"])) < 200_000
    assert not re.search(r"0x[0-9a-f]{6,}", first["text/plain"])


@pytest.mark.parametrize("keys", ["dd", "a", "x", "b"])
def test_letters_typed_in_the_view_leave_the_notebook_alone(page: Page, saved: str, keys: str) -> None:
    page.open(saved, kernel=False)
    view = page.ready()
    before = page.cell_count()
    view.focus()
    for key in keys:
        view.keyboard.press(key)
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    assert page.cell_count() == before


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
def test_it_fits_the_page_in_both_themes(page: Page, saved: str, tmp_path: Path, theme: str, width: int) -> None:
    """With GRADVIZ_SCREENSHOTS set to a folder, the pictures stay there to be looked at."""
    page.tab.set_viewport_size({"width": width, "height": 900})
    page.open(saved, kernel=False)
    view = page.ready()
    page.theme(theme)
    view.press("End", view.length)
    overflow = view.element.evaluate("view => view.scrollWidth - view.clientWidth")
    assert overflow <= 1
    assert view.element.get_attribute("data-theme") == theme
    folder = Path(os.environ.get("GRADVIZ_SCREENSHOTS") or tmp_path)
    view.element.scroll_into_view_if_needed()
    page.screenshot(folder / f"stepper-{theme}-{width}.png")
