"""`HistogramStack` on a plain page: counts and shares are Python's, in every mode, by keys and mouse, both themes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz as torch
import gradviz.nn.functional as F
from gradviz.widgets.history.grad_flow import GradFlow
from gradviz.widgets.history.histogram_stack import HistogramStack
from gradviz.widgets.history.history import watch
from gradviz.widgets.timeline import Timeline

nn = torch.nn
HERE = Path(__file__).resolve().parent
CONTRAST, UNNAMED, STICKS_OUT = (
    (HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("contrast", "unnamed", "sticks_out")
)
RANDOM = np.random.default_rng(0)
SMALL = [(RANDOM.normal(size=2000) * 10.0 ** (-5 - k / 3)).astype(np.float32) for k in range(10)]


def history(steps: int = 8) -> Any:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    x, y = torch.randn(32, 16), torch.randint(0, 4, (32,))
    with watch(net, optimizer, histograms=True) as seen:
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    return seen


def facts(page: Any) -> dict[str, str]:
    rows = page.element.locator(".facts tr").all()
    return dict(tuple(row.locator("td").all_inner_texts()) for row in rows)


def test_every_iterations_numbers(show: Any) -> None:
    page = show(HistogramStack({"small": SMALL}, at=0).to_html())
    for k, array in enumerate(SMALL):
        if k:
            page.press("ArrowRight", k)
        wide = array.astype(np.float64)
        size, said = np.abs(wide), facts(page)
        known = {name: f"{getattr(wide, name)():.6g}" for name in ("min", "max", "mean", "std")}
        known |= {
            "values": "2000",
            "negative": f"{100 * (wide < 0).mean():.4g}%",
            "exactly 0": f"{100 * (wide == 0).mean():.4g}%",
            "under fp16 (< 5.96e-8)": f"{100 * ((size < 2.0**-24) & (size > 0)).mean():.4g}%",
            "subnormal (< 6.1e-5)": f"{100 * ((size >= 2.0**-24) & (size < 2.0**-14)).mean():.4g}%",
            "over fp16 (> 65504)": f"{100 * (size > 65504).mean():.4g}%",
        }
        assert said == known
        bands = page.element.locator(".bandword").all_text_contents()
        assert bands == [
            "under",
            known["under fp16 (< 5.96e-8)"],
            "subnormal",
            known["subnormal (< 6.1e-5)"],
            "over",
            "0%",
        ]


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_the_bars_hold_every_value(show: Any, scale: str) -> None:
    page = show(HistogramStack(history(), scale=scale, tensor="gradients/0.weight").to_html())
    titles = page.element.locator(".side svg rect title").all_text_contents()
    assert sum(int(title.split(" values", 1)[0]) for title in titles) == 16 * 32
    low, high = titles[0].split(" from ")[1].split(" to ")
    assert float(low) < float(high)


def test_keys_mouse_modes_and_search(show: Any) -> None:
    view = HistogramStack(history())
    page = show(view.to_html())
    element = page.element
    page.press("Home", 0)
    page.press("Shift+ArrowRight", 7)
    box = element.locator(".pic svg").bounding_box()
    element.page.mouse.click(box["x"] + 200, box["y"] + 8)
    page.wait_step(0)
    for text in ("Overlay", "Heat", "Offset"):
        button = element.get_by_role("button", name=text)
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
    assert element.locator(".hill").count() == 8
    page.focus()
    page.keyboard.press("Control+ArrowDown")
    assert element.get_attribute("data-tensor") == "parameters/0.bias"
    page.keyboard.press("/")
    page.keyboard.type("activ")
    page.keyboard.press("Enter")
    assert element.get_attribute("data-tensor") == "activations/1"
    zero = view.of("activations/1", 0)
    assert facts(page)["exactly 0"] == f"{100 * zero.zero / zero.n:.4g}%"
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    assert element.locator(".twin li").count() == 9
    page.keyboard.press("Escape")
    element.get_by_role("button", name="Log").click()
    assert element.locator(".pic .band").count() == 3
    element.get_by_role("button", name="Signs apart").click()
    assert element.locator(".pic .band").count() == 6
    assert element.page.evaluate("scrollY") == 0, "nothing has moved the page"


def test_it_follows_a_shared_timeline(show: Any) -> None:
    seen, time = history(), Timeline("together")
    page = show(HistogramStack(seen, timeline=time).to_html() + GradFlow(seen, timeline=time).to_html())
    page.press("Home", 0)
    other = page.element.page.locator("[data-ready]").nth(1)
    other.page.wait_for_function("view => view.dataset.step === '0'", arg=other.element_handle())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 1600])
def test_it_fits_has_names_and_can_be_read(show: Any, width: int, scheme: str) -> None:
    page = show(HistogramStack(history(), tensor="gradients/0.weight").to_html(), width=width, scheme=scheme)
    element = page.element
    for text in ("Signs apart", "Heat", "Linear", "Overlay"):
        assert element.evaluate("host => host.scrollWidth <= host.clientWidth + 1")
        assert element.evaluate(STICKS_OUT) == []
        assert element.evaluate(UNNAMED) == []
        assert [one for one in element.evaluate(CONTRAST) if one["ratio"] < 4.5] == []
        element.get_by_role("button", name=text).click()
    assert element.get_attribute("data-theme") == scheme
    assert element.get_attribute("data-lm-suppress-shortcuts") == "true"
