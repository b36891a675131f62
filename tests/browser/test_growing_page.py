"""The growing graph: alone on a page from a file, and in JupyterLab while the cell runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradviz as torch
from gradviz.widgets.whatif.growing import GraphGrowth
from tests.browser.lab import DONE, Page, View

HERE = Path(__file__).parent
CONTRAST, UNNAMED, STICKS_OUT = (
    (HERE / f"{name}.js").read_text("utf-8") for name in ("contrast", "unnamed", "sticks_out")
)


def gate(z: Any) -> Any:
    if z > 0:
        return z.tanh()
    return z * 0.1


def rolled(x: Any, w: Any) -> Any:
    h = x
    for _ in range(3):
        h = gate(w * h) + x
    return (h - 1) ** 2


def made() -> GraphGrowth:
    return GraphGrowth(rolled, torch.tensor(1.0), torch.tensor(0.5, requires_grad=True))


def seen(view: View) -> dict[str, str]:
    """The boxes that can be seen, and where they are."""
    found: dict[str, str] = view.element.evaluate(
        "host => Object.fromEntries([...host.shadowRoot.querySelectorAll('g.node:not(.ghost):not(.portal)')]"
        ".map(g => [g.querySelector('.title').textContent,"
        " ['x', 'y'].map(at => g.querySelector('rect.box').getAttribute(at)).join()]))"
    )
    return found


def current(view: View) -> str:
    line = view.element.locator(".line[aria-current=step] .text")
    return str(line.inner_text()).strip() if line.count() else ""


def test_it_grows_line_by_line_and_nothing_moves(show: Any) -> None:
    growth = made()
    view = show(growth.to_html())
    steps = growth.steps()
    assert view.length == view.step == len(steps)
    whole = seen(view)
    labels = [node["label"] for node in growth.record["nodes"]]
    assert set(whole) == set(labels)
    view.press("Home", 0)
    assert seen(view) == {}
    there: set[str] = set()
    for i, step in enumerate(steps, 1):
        view.press("ArrowRight", i)
        there |= {labels[n] for n in step["made"]}
        now = seen(view)
        assert set(now) == there
        assert all(whole[title] == place for title, place in now.items()), "a box has moved"
        assert current(view) == growth.table()[i][2].removesuffix("  (goes on)").strip()
    view.press("ArrowLeft", len(steps) - 1)
    view.do("first", 0)
    view.do("next", 1)


def test_from_a_box_to_its_line_and_back(show: Any) -> None:
    growth = made()
    view = show(growth.to_html())
    step = next(i for i, s in enumerate(growth.steps(), 1) if "tanh_2" in growth.table()[i][3])
    view.element.locator("svg.graph text.title").get_by_text("tanh_2", exact=True).click(force=True)
    view.wait_step(step)
    assert current(view) == "return z.tanh()"
    assert view.element.locator(".line.now .times").inner_text() == "2 of 3"
    view.element.locator(".line", has_text="return z.tanh()").click()
    later = next(i for i in range(step + 1, len(growth.steps())) if "tanh_3" in growth.table()[i][3])
    view.wait_step(later)
    view.element.locator(".line", has_text="return z.tanh()").click()
    view.wait_step(next(i for i, row in enumerate(growth.table()) if row[3].startswith("tanh = ")))


def test_text_search_and_names(show: Any) -> None:
    view = show(made().to_html(), width=640)
    view.focus()
    view.keyboard.press("t")
    lines = view.element.locator(".twin li").all_text_contents()
    assert "z = w × x = 0.5" in lines[2], lines[2]
    view.keyboard.press("Escape")
    view.focus()
    view.keyboard.press("/")
    view.keyboard.type("loss")
    view.keyboard.press("Escape")
    assert view.element.evaluate(UNNAMED) == []
    assert view.element.evaluate(STICKS_OUT) == []
    assert [entry for entry in view.element.evaluate(CONTRAST) if entry["ratio"] < 4.5] == []


def test_it_grows_while_the_cell_runs(page: Page) -> None:
    """The cell waits for a file that the test makes when the page has shown what there is so far."""
    hold = (
        "from pathlib import Path\\nimport time\\ndef hold(name):\\n    while not Path(name).exists(): time.sleep(0.02)"
    )
    body = "    y = x * 2\n    hold('one')\n    z = y.exp()\n    hold('two')\n    loss = z + x"
    cells = [
        f"import gradviz as torch\nfrom gradviz.widgets.whatif.growing import GraphGrowth\nexec('{hold}')",
        f"x = torch.tensor(1.5, requires_grad=True)\nwith GraphGrowth.live() as tape:\n{body}",
        "print(tape.recording)",
    ]
    page.server.write("grow.ipynb", cells)
    page.open("grow.ipynb").command("notebook:run-all-cells")
    view = page.ready()
    tab = page.tab
    shows = (
        "([host, title]) => [...host.shadowRoot.querySelectorAll('g.node:not(.ghost) .title')]"
        ".some(t => t.textContent === title)"
    )
    tab.wait_for_function(shows, arg=[view.element.element_handle(), "y"])
    first = seen(view)
    assert "z" not in first, "the cell is still waiting"
    (page.server.root / "one").touch()
    tab.wait_for_function(shows, arg=[view.element.element_handle(), "z"])
    second = seen(view)
    assert all(second[title] == place for title, place in first.items())
    (page.server.root / "two").touch()
    tab.wait_for_function(DONE)
    view = page.ready()
    tab.wait_for_function(shows, arg=[view.element.element_handle(), "loss"])
    last = seen(view)
    assert all(last[title] == place for title, place in second.items())
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    (printed,) = page.outputs(2)
    assert printed["text"] == "Recording(4 nodes, 3 steps)\n"
    page.save()
    page.server.stop_kernels()
    page.open("grow.ipynb", kernel=False)
    again = page.ready()
    assert seen(again) == last, "what is saved is the whole graph, where it was"
