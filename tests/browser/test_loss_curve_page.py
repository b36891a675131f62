"""`LossCurve` and a snapshot of `TrainerPanel` on a plain page from a file: no kernel, no network, every key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradviz.widgets.training.fork import fork
from gradviz.widgets.training.loss_curve import LossCurve
from gradviz.widgets.training.trainer import Trainer
from gradviz.widgets.training.trainer_panel import TrainerPanel

Show = Callable[..., Any]
HERE = Path(__file__).parent
CONTRAST, UNNAMED, STICKS_OUT = (
    (HERE / f"{name}.js").read_text("utf-8") for name in ("contrast", "unnamed", "sticks_out")
)
HOSTILE = '"><img src=x onerror=alert(1)>\u202e' + "z" * 500


def curve(**options: Any) -> LossCurve:
    rng = np.random.default_rng(0)
    values = 2 * np.exp(-np.arange(300) / 80) + 0.1 * rng.random(300)
    values[100] = np.nan
    made = LossCurve({"loss": values, "val_loss": (np.arange(0, 300, 25), values[::25] + 0.2)}, **options)
    made.mark(150, "lr 0.1 → 0.01")
    return made


def said(host: Any) -> str:
    return str(host.locator(".said").inner_text())


def drawn(host: Any, do: Callable[[], Any]) -> None:
    """Do something and wait until the picture has been drawn anew."""
    before = host.get_attribute("data-drawn")
    do()
    host.page.wait_for_function("([h, b]) => h.dataset.drawn !== b", arg=[host.element_handle(), before])


def ready(show: Show, *views: Any, **options: Any) -> Any:
    host = show(*(view.to_html() for view in views), **options).element
    host.page.wait_for_function("h => h.dataset.drawn !== undefined", arg=host.element_handle())
    return host


def test_the_cursor_by_keys_and_mouse(show: Show) -> None:
    view = curve()
    host = ready(show, view)
    values = view.lines["", "loss"].points.arrays()[1]
    host.focus()
    press = host.page.keyboard.press
    press("Home")
    assert said(host).startswith(f"Step 0: loss {values[0]:.6g}; val_loss {values[0] + 0.2:.6g}")
    press("Shift+ArrowRight")
    assert said(host).startswith(f"Step 10: loss {values[10]:.6g}; val_loss")
    press("ArrowLeft")
    assert said(host).startswith("Step 9:")
    press("End")
    assert said(host).startswith("Step 299:")
    box = host.locator("svg.plot").bounding_box()
    host.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    step = int(said(host).split()[1].rstrip(":"))
    assert 130 < step < 160
    assert host.locator(".tip").inner_text().startswith(f"step {step}")
    assert f"{values[step]:.6g}" in host.locator(".tip").inner_text()


def test_zoom_log_smoothing_and_legend(show: Show) -> None:
    host = ready(show, curve())
    plot = host.locator("svg.plot")
    before = plot.locator(".axes").text_content()
    box = plot.bounding_box()
    mouse = host.page.mouse
    mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 60)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 90)
    drawn(host, mouse.up)
    assert host.get_by_role("button", name="All steps").is_visible()
    assert plot.locator(".axes").text_content() != before
    drawn(host, lambda: plot.dblclick(position={"x": 200, "y": 60}))
    assert plot.locator(".axes").text_content() == before
    mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    drawn(host, lambda: mouse.wheel(0, -200))
    assert host.get_by_role("button", name="All steps").is_visible()
    drawn(host, lambda: host.page.keyboard.press("0"))
    drawn(host, lambda: host.get_by_role("button", name="log", exact=True).click())
    assert plot.locator(".axes").text_content() != before
    drawn(host, lambda: host.locator(".smoothing input").press("ArrowRight"))
    assert plot.locator("path.smooth").count() == 2
    drawn(host, lambda: host.locator(".legend button").nth(1).click())
    assert plot.locator("path.smooth").count() == 1


def test_a_million_points_answer_at_once(show: Show) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(1_000_000).astype(np.float32)
    values[654_321] = 50
    host = ready(show, LossCurve({"loss": values}))
    assert "of 1000000 values" in host.locator(".status").inner_text()
    host.focus()
    took = host.evaluate(
        """async host => {
             const times = [];
             for (const key of ['+', '+', 'l', 's', '-', '0', 'ArrowRight', 'End']) {
               const start = performance.now();
               const how = { key, bubbles: true, composed: true, cancelable: true };
               host.dispatchEvent(new KeyboardEvent('keydown', how));
               await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
               times.push(performance.now() - start);
             }
             return times;
           }"""
    )
    print("key to paint, 1,000,000 points, ms:", [round(t) for t in took])
    assert sorted(took)[len(took) // 2] < 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 1600])
def test_it_fits_and_everything_is_named(show: Show, width: int, scheme: str) -> None:
    view = LossCurve({HOSTILE: {"loss": [3.0, 2.0], HOSTILE: [1.0, 2.0]}, "b": {"loss": [2.0]}}, title=HOSTILE)
    view.mark(1, HOSTILE)
    host = ready(show, view, width=width, scheme=scheme)
    host.focus()
    host.page.keyboard.press("Home")
    host.page.keyboard.press("t")
    assert host.locator(".twin li").count() == 2
    assert host.evaluate("h => h.scrollWidth <= h.clientWidth + 1")
    assert host.evaluate("h => h.shadowRoot.querySelectorAll('img').length") == 0
    assert host.get_attribute("data-theme") == scheme
    assert host.get_attribute("data-lm-suppress-shortcuts") == "true"
    nameless = (
        "h => [...h.shadowRoot.querySelectorAll('input,button,select,[tabindex]')]"
        ".filter(e => !e.ariaLabel && !e.textContent.trim()).length"
    )
    assert host.evaluate(nameless) == 0
    host.page.keyboard.press("Escape")
    host.page.keyboard.press("?")
    assert "all steps" in host.locator(".help").inner_text()
    assert host.locator(".status").get_attribute("data-level") != "error"


def live_panel(host: Any, panel: TrainerPanel, **status: Any) -> Any:
    """Another panel on the page, as a kernel would show it: with its buttons; what it says goes nowhere."""
    data = {**panel.to_json(), "status": {**panel.status(), **status}}
    host.page.evaluate(
        """data => { const host = document.createElement('div');
             document.body.append(host);
             host.id = 'live';
             gradvizViews.trainer_panel(host, data, { send() {}, hear() {} }); }""",
        data,
    )
    made = host.page.locator("#live[data-ready]")
    made.wait_for()
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 1600])
def test_every_text_can_be_read_and_nothing_sticks_out(show: Show, width: int, scheme: str) -> None:
    trainer = Trainer(loader=list(range(40)), step=lambda b: 1 / (1 + b), epochs=2)
    panel = TrainerPanel(trainer, title="A small run").run()
    panel.curve.mark(30, "lr 0.1 → 0.01")
    fork(panel, 20, steps=10)
    host = ready(show, panel.snapshot(), width=width, scheme=scheme)
    settings = {"lr": 0.1, "momentum": 0.9, "clip": 1}
    failed = {"state": "failed", "error": "ValueError: bad", "trouble": "Traceback\n  in step", "settings": settings}
    live = live_panel(host, panel, **failed)
    live.locator("[data-do=fork]").click()
    for view in (host, live):
        view.focus()
        view.page.keyboard.press("Home")
        assert view.evaluate(UNNAMED) == []
        assert view.evaluate(STICKS_OUT) == []
        assert [text for text in view.evaluate(CONTRAST) if text["ratio"] < 4.5] == []


def test_a_snapshot_of_a_panel_answers_without_a_kernel(show: Show) -> None:
    trainer = Trainer(loader=list(range(40)), step=lambda b: 1 / (1 + b), epochs=2)
    panel = TrainerPanel(trainer, title="A small run").run()
    fork(panel, 20, steps=10, name="again")
    host = ready(show, panel.snapshot())
    assert host.locator(".state").inner_text() == "✓ finished"
    assert host.locator(".counts").inner_text() == "80 / 80 · epoch 2 of 2"
    assert host.locator("[data-do]").count() == 0
    host.focus()
    host.page.keyboard.press("Home")
    assert said(host).startswith("Step 0: loss 1; again 0.047619 (step 20)")
    assert host.evaluate("h => h.scrollWidth <= h.clientWidth + 1")
