"""NumberLine and ScalerTimeline on plain pages: keys, mouse, what is said, and the numbers of the engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import gradviz as torch
from gradviz.widgets.graph.stepper import BackpropStepper
from gradviz.widgets.precision.number_line import NumberLine
from gradviz.widgets.precision.scaler_timeline import ScalerTimeline


def said(view: Any) -> str:
    return str(view.element.locator(".said").inner_text())


def cells(view: Any) -> list[str]:
    return [str(t) for t in view.element.locator(".fate b").all_inner_texts()]


def shown(made: NumberLine, power: int, dtype: str) -> list[str]:
    share = made.shares(2.0**power, dtype)
    parts = [share["zero"], share["subnormal"], 1 - sum(share.values()), share["inf"]]
    return ["0 %" if p < 1e-12 else f"{max(100 * p, 0.01):.3g} %" if p < 1 else "100 %" for p in parts]


def test_the_scale_moves_by_keys_and_mouse(show: Any) -> None:
    rng = np.random.default_rng(0)
    values = (rng.standard_normal(2000) * np.exp(rng.standard_normal(2000) * 3 - 14)).astype(np.float32)
    made = NumberLine({"first": values[:700], "second": values[700:]})
    view = show(made.to_html())
    assert cells(view) == shown(made, 0, "float16")
    for step in (9, 10, 11):
        view.press("ArrowRight", step)
    assert view.element.get_attribute("data-power") == "3"
    assert cells(view) == shown(made, 3, "float16")
    view.press("End", 40)
    assert cells(view) == shown(made, 32, "float16")
    assert "inf" in said(view)
    view.element.get_by_role("button", name="bfloat16").click()
    view.element.page.wait_for_function("v => v.dataset.dtype === 'bfloat16'", arg=view.element.element_handle())
    assert cells(view) == shown(made, 32, "bfloat16")
    view.element.get_by_role("button", name="float16", exact=True).click()
    view.press("Home", 0)
    box = view.element.locator("svg.plot").bounding_box()
    tab = view.element.page
    middle = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + 200, middle)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 300, middle, steps=4)
    tab.mouse.up()
    assert int(view.element.get_attribute("data-power")) > -8
    view.element.get_by_role("combobox", name="Tensor").select_option("second")
    power = int(view.element.get_attribute("data-power"))
    share = made.shares(2.0**power, "float16", "second")
    assert cells(view)[0] == ("0 %" if not share["zero"] else f"{max(100 * share['zero'], 0.01):.3g} %")


def test_the_events_of_a_scaler(show: Any) -> None:
    p = torch.nn.Parameter(torch.ones(2))
    optimizer, scaler = torch.optim.SGD([p], 0.01), torch.amp.GradScaler("cpu", growth_interval=6)
    with ScalerTimeline.record(scaler) as log:
        for i in range(20):
            optimizer.zero_grad()
            scaler.scale((p * p).sum()).backward()
            if i == 4:
                p.grad.mul_(math.inf)
            scaler.step(optimizer)
            scaler.update()
    view = show(ScalerTimeline(log).to_html())
    assert "Step 0: step taken" in said(view)
    view.element.get_by_role("button", name="Next event").click()
    view.element.page.wait_for_function("v => v.dataset.what === 'skipped'", arg=view.element.element_handle())
    assert "Step 4: inf or nan found: step skipped, scale 2^16 becomes 2^15." in said(view)
    view.element.get_by_role("button", name="Next event").click()
    view.element.page.wait_for_function("v => v.dataset.what === 'grown'", arg=view.element.element_handle())
    assert "Step 10" in said(view)
    view.element.press("t")
    assert view.element.locator(".twin tbody tr").count() == 20


def test_arrows_of_half_precision_are_painted_apart(show: Any) -> None:
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 2)
    with torch.autocast("cpu", dtype=torch.float16):
        loss = torch.nn.functional.cross_entropy(net(torch.randn(4, 3)), torch.tensor([0, 1, 0, 1]))
    made = BackpropStepper(loss)
    view = show(made.to_html())
    view.press("Home", 0)
    looks = view.element.evaluate(
        "v => [...v.shadowRoot.querySelectorAll('.edge path.wire')]"
        ".map(p => getComputedStyle(p)).map(s => [s.stroke, s.strokeDasharray])"
    )
    of: dict[str | None, set[tuple[str, str]]] = {}
    for edge, look in zip(made.scenes[0]["edges"], looks, strict=True):
        of.setdefault(edge.get("dtype"), set()).add(tuple(look))
    assert len(of["float16"]) == len(of["float32"]) == 1
    (half,), (whole,) = of["float16"], of["float32"]
    assert half[0] != whole[0]
    assert half[1] != whole[1]
    key = view.element.locator(".dtypes").inner_text()
    assert "float32" in key
    assert "float16" in key
