"""FeatureMaps on a plain page: through the layers and back, map by map."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.viz.numbers import number
from gradviz.widgets.cnn.feature_maps import FeatureMaps


def test_through_the_layers_and_back(show: Any) -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 3))
    made = FeatureMaps(net, torch.rand(2, 1, 8, 8), sample=1)
    view = show(made.to_html())
    said = view.element.locator(".said")
    assert view.step == 0
    assert said.inner_text().startswith("0, Conv2d: 4 by 6 by 6.")
    assert view.element.locator(".map").count() == 4
    assert view.element.locator(".kernels canvas").count() == 1
    view.press("ArrowRight", 1)
    view.focus()
    view.keyboard.press("Control+ArrowRight")
    shown = view.element.locator(".stats dd").all_inner_texts()
    m = made.layers[1].output[1]
    assert shown[:4] == [number(float(f"{float(v):.6g}")) for v in (m.min(), m.max(), m.mean(), m.std())]
    view.press("End", 5)
    assert view.element.locator("header .chip").inner_text() == f"gradients of {made.of}"
    norm = number(float((made.layers[0].grad ** 2).sum() ** 0.5), 4)
    assert f"Gradient norm {norm}" in said.inner_text()
    view.element.get_by_role("tab", name="1 · ReLU").click()
    view.wait_step(4)
    view.element.get_by_role("button", name="Same scale").click()
    assert view.element.get_by_role("button", name="Same scale").get_attribute("aria-pressed") == "true"
