"""Arrows of several types of floats: each carries its own, in the scene, the still picture and the page's part."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz.viz.dtypes import LOOKS, types_of
from gradviz.viz.theme import SERIES
from gradviz.widgets import BackpropStepper, GraphView

F = torch.nn.functional


def mixed(low: Any) -> Any:
    torch.manual_seed(0)
    net, x = torch.nn.Linear(3, 2), torch.randn(4, 3)
    with torch.autocast("cpu", dtype=low):
        return F.cross_entropy(net(x).relu(), torch.tensor([0, 1, 0, 1]))


@pytest.mark.parametrize("low", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("view", [GraphView, BackpropStepper])
def test_every_arrow_says_what_it_carries(view: Any, low: Any) -> None:
    name = str(low).removeprefix("torch.")
    made = view(mixed(low))
    scene, nodes = made.scenes[0], made.record["nodes"]
    assert types_of(scene) == sorted(["float32", name], key=list(LOOKS).index)
    for edge in scene["edges"]:
        dtype = nodes[edge["n_from"]]["dtype"]
        assert edge.get("dtype") == (dtype if dtype in LOOKS else None)
    for box in scene["nodes"]:
        half = box["n"] is not None and nodes[box["n"]]["dtype"] == name and box["kind"] != "portal"
        assert (LOOKS[name].short in box.get("sub", "").split()) == half, box["title"]
    svg = made.to_svg(animated=False)
    assert f">{name}</text>" in svg
    assert f"stroke:{SERIES['light'][LOOKS[name].series]};stroke-dasharray:{LOOKS[name].dashes}" in svg
    one, two = (view(mixed(low)).to_html() for _ in range(2))
    assert one == two
    assert "dtypes" in made.data()["parts"]


def test_one_type_is_drawn_as_before() -> None:
    for dtype in (torch.float32, torch.float64):
        x = torch.ones(3, dtype=dtype, requires_grad=True)
        made = GraphView((x * 2).sum())
        assert types_of(made.scenes[0]) == []
        assert all("dtype" not in edge for edge in made.scenes[0]["edges"])
        assert "dtypes" not in made.data().get("parts", [])


def test_python_and_the_page_draw_alike() -> None:
    text = (Path(__file__).parents[2] / "frontend/src/parts/dtypes.ts").read_text(encoding="utf-8")
    theirs = re.findall(r'\["(\w+)", "var\((--\w+)\)", "([\w ]+)"\]', text)
    ours = [
        (n, "--edge" if k.series is None else f"--s{k.series}", k.dashes or "none") for n, k in LOOKS.items()
    ]  # fmt: skip
    assert theirs == ours
