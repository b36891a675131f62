"""`BatchSizes` on a plain page: the numbers are the engine's runs, by keys, slider and mouse."""

from __future__ import annotations

from typing import Any

import pytest

from gradviz.viz.numbers import number
from gradviz.widgets.optim.batch_runs import Run
from gradviz.widgets.optim.batch_sizes import BatchSizes
from gradviz.widgets.timeline import Timeline
from tests.widgets.test_batch_sizes import START, columns, line

RUNS = """view => view.batches.map(({ size, lr, ends, path, loss, noise }) =>
  ({ size, lr, ends, noise: noise(), path: path.slice(0, ends.epochs + 1), losses: path.map((_, k) => loss(k)) }))"""


def made(**more: Any) -> BatchSizes:
    return BatchSizes(line, columns(30), **{"start": START, "lr": 0.05, "size": 8, "epochs": 4, **more})


def runs(view: Any) -> dict[int, Any]:
    return {run["size"]: run for run in view.element.evaluate(RUNS)}


def said(view: Any) -> str:
    return str(view.element.locator(".said").inner_text())


def cells(view: Any) -> dict[str, list[str]]:
    """The table under the picture, by its first cell."""
    lines = view.element.locator(".runs tbody tr").evaluate_all(
        "all => all.map(r => [...r.cells].map(c => c.innerText))"
    )
    return {row[0].strip(): [cell.replace("▾", "").strip() for cell in row[1:]] for row in lines}


def engine(size: int, steps: int, lr: float = 0.05, **more: Any) -> Run:
    return Run(made().rows, START, lr, size, **more).extend(steps)


def test_the_first_numbers_are_those_of_the_still_picture(show: Any) -> None:
    python = made()
    view = show(python.to_html())
    for size, steps in ((8, 16), (1, 120), (30, 4)):
        got, run = runs(view)[size], engine(size, steps)
        assert got["path"] == run.path
        assert got["losses"][: steps + 1] == run.losses
    for row in python.table()[1:]:
        shown = cells(view)[{"1": "1 row", "30": "30 rows (all)"}.get(row[0], f"{row[0]} rows")]
        assert [shown[0], shown[1], shown[4], shown[5]] == [row[1], row[2], row[4], row[6]]


def test_keys_change_the_size_and_every_number_follows(show: Any) -> None:
    view = show(made().to_html())
    view.press("End", 16)
    view.press("PageUp", 8)  # 16 rows: two steps an epoch
    assert view.element.get_attribute("data-size") == "16"
    assert runs(view)[16]["path"] == engine(16, 8).path
    view.press("-", 8)
    assert runs(view)[15]["path"] == engine(15, 8).path
    assert set(runs(view)) == {1, 15, 30}
    view.press("p", 8)
    view.press("+", 8)
    assert set(runs(view)) == {1, 15, 16, 30}
    view.element.get_by_label("Take batches of 15 out").click()
    assert set(runs(view)) == {1, 16, 30}
    view.element.get_by_label("Rows in a batch", exact=True).fill("30")
    view.wait_step(4)
    assert set(runs(view)) == {1, 30}


def test_a_step_says_what_its_batch_asks_for(show: Any) -> None:
    view = show(made().to_html())
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    run = engine(8, 4)
    assert f"loss {number(run.losses[1], 4)}" in said(view)
    leaves = run.rows.leaves(run.path[1])
    again = engine(8, 0)
    again.batch(0)
    run.rows.mean(leaves, again.batch(1)).backward()
    told = view.element.locator(".told").inner_text()
    assert f"of this batch (8 rows) ({', '.join(number(leaf.grad.item(), 3) for leaf in leaves)})" in told
    assert view.element.locator(".deck rect.now").count() > 0
    view.press("t", 1)
    row = view.element.locator(".twin [aria-current] td").all_text_contents()
    assert row[:4] == ["1", *(number(v) for v in run.path[1]), number(run.losses[1])]


def test_seconds_seeds_rates_and_shuffles(show: Any) -> None:
    view = show(made().to_html())
    view.element.get_by_role("button", name="Equal seconds").click()
    python = made()
    ends = {run.size: python.ends(run)[1] for run in python.runs}
    assert {size: run["ends"]["seconds"] for size, run in runs(view).items()} == ends
    view.element.get_by_label("Microseconds for a step").fill("0")
    view.keyboard.press("Enter")
    free = made(overhead=0)
    assert {size: run["ends"]["seconds"] for size, run in runs(view).items()} == {
        run.size: free.ends(run)[1] for run in free.runs
    }
    view.element.get_by_role("button", name="New shuffle").click()
    assert runs(view)[8]["path"] == engine(8, 16, seed=1).path
    view.element.get_by_label("Shuffle", exact=True).select_option("never")
    assert runs(view)[8]["path"] == engine(8, 16, seed=1, shuffle="never").path
    view.element.get_by_label("How the rate follows the size").select_option("grows")
    assert runs(view)[1]["lr"] == pytest.approx(0.05 / 8)
    assert runs(view)[1]["path"] == engine(1, 120, 0.05 * 1 / 8, seed=1, shuffle="never").path
    view.focus()
    view.keyboard.press("r")
    assert runs(view)[8]["path"] == engine(8, 16).path


def test_a_rate_that_diverges_is_said_and_does_no_harm(show: Any) -> None:
    view = show(made().to_html())
    view.element.get_by_label("Learning rate").fill("3")
    view.keyboard.press("Enter")
    view.press("End", 16)
    assert "This rate diverges" in said(view)
    view.element.get_by_label("Learning rate").fill("-1")  # makes no sense: the old one stays
    view.keyboard.press("Enter")
    assert view.element.get_by_label("Learning rate").input_value() == "3"


def test_the_start_can_be_dragged_and_moved_by_keys(show: Any) -> None:
    view = show(made().to_html())
    box = view.element.locator(".terrain").bounding_box()
    view.element.page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.8)
    start = runs(view)[8]["path"][0]
    assert start != list(START)
    assert runs(view)[1]["path"] == Run(made().rows, start, 0.05, 1).extend(120).path
    view.focus()
    view.keyboard.press("Alt+ArrowLeft")
    assert runs(view)[8]["path"][0][0] < start[0]


def test_a_start_outside_the_map_stays_where_it_is(show: Any) -> None:
    view = show(made(bounds=((0, 2), (0, 2))).to_html())
    view.press("+", 16)
    assert runs(view)[9]["path"][0] == list(START)
    view.press("r", 16)
    assert runs(view)[8]["path"] == engine(8, 16).path


def test_two_views_share_a_timeline(show: Any) -> None:
    time = Timeline("batches")
    first = show(made(timeline=time).to_html(), made(size=10, timeline=time).to_html())
    first.press("Home", 0)
    first.press("ArrowRight", 1)
    other = type(first)(first.element.page.locator("[data-ready]").nth(1))
    other.wait_step(1)
    assert "Batches of 10, step 1" in said(other)


def test_names_are_text_in_the_page(show: Any) -> None:
    python = made()
    hostile = '"><img src=x onerror="document.title=\'owned\'">\u202e'
    python.terrain.names[0] = hostile
    view = show(python.to_html())
    view.press("Home", 0)
    assert view.element.page.title() != "owned"
    assert "<img src=x" in view.element.locator(".told").inner_text()


@pytest.mark.parametrize("width", [600, 800, 1600])
def test_nothing_sticks_out(show: Any, width: int) -> None:
    view = show(made(sizes=(1, 2, 4, 30)).to_html(), width=width, scheme="dark")
    wide = view.element.evaluate("v => [v.shadowRoot.querySelector('.runs').scrollWidth, v.clientWidth]")
    assert wide[0] <= wide[1]
