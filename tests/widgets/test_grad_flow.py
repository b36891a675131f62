"""`GradFlow`: the numbers are those of the history; the warnings are right, and none where nothing is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz as torch
import gradviz.nn.functional as F
from gradviz.widgets.history.grad_flow import GradFlow
from gradviz.widgets.history.grad_flow_svg import axis
from gradviz.widgets.history.history import History, watch
from gradviz.widgets.timeline import Timeline

nn = torch.nn


def train(net: Any, optimizer: Any, steps: int, x: Any, y: Any, **options: Any) -> History:
    with watch(net, optimizer, **options) as history:
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    return history


def sgd(net: Any, lr: float, **options: Any) -> Any:
    return torch.optim.SGD(net.parameters(), lr=lr, **options)


def points(features: int, count: int = 64) -> tuple[Any, Any]:
    return torch.randn(count, features), torch.randint(0, 10, (count,))


def deep_sigmoid() -> History:
    """Ten layers of sigmoids: a gradient that gets smaller by a factor of about eight in each."""
    torch.manual_seed(0)
    net = nn.Sequential()
    for k in range(10):
        net.add_module(f"fc{k + 1}", nn.Linear(32, 32))
        net.add_module(f"act{k + 1}", nn.Sigmoid())
    net.add_module("out", nn.Linear(32, 10))
    return train(net, sgd(net, 0.1), 6, *points(32))


def deep_relu() -> History:
    """Eight layers of ReLU with weights that are far too large."""
    torch.manual_seed(0)
    parts = [part for _ in range(8) for part in (nn.Linear(64, 64), nn.ReLU())]
    net = nn.Sequential(*parts, nn.Linear(64, 10))
    for p in net.parameters():
        if p.ndim == 2:
            nn.init.normal_(p, std=0.8)
    return train(net, sgd(net, 1e-9), 4, *points(64))


def high_rate(lr: float) -> History:
    torch.manual_seed(0)
    net = nn.Sequential()
    for name, part in {
        "fc1": nn.Linear(32, 64),
        "act1": nn.ReLU(),
        "fc2": nn.Linear(64, 64),
        "act2": nn.ReLU(),
        "out": nn.Linear(64, 10),
    }.items():
        net.add_module(name, part)
    return train(net, sgd(net, lr), 12, *points(32))


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x: Any) -> Any:
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Small(nn.Module):
    """A residual network of three blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.blocks = nn.Conv2d(3, 8, 3, padding=1), nn.Sequential(*(Block(8) for _ in range(3)))
        self.fc = nn.Linear(8, 10)

    def forward(self, x: Any) -> Any:
        return self.fc(self.blocks(F.relu(self.stem(x))).mean((2, 3)))


def residual() -> History:
    torch.manual_seed(0)
    net = Small()
    x, y = torch.randn(16, 3, 8, 8), torch.randint(0, 10, (16,))
    return train(net, sgd(net, 0.01, momentum=0.9), 8, x, y)


def kinds(view: GradFlow) -> set[str]:
    return {one.kind for one in view.warnings}


# -- what it warns of ------------------------------------------------------------------------------------------------
def test_a_deep_net_of_sigmoids_vanishes() -> None:
    view = GradFlow(deep_sigmoid())
    assert kinds(view) == {"vanishing"}
    first = view.warnings_at(0)
    assert [one.layer for one in first] == ["fc1", "fc2", "fc3"], "the smallest first"
    size, last = view.series("fc1", "grad")[0], view.series("out", "grad")[0]
    assert first[0].value == size < 1e-8
    assert first[0].text == f"fc1: gradient norm {size:.4g} is {size / last:.2g} of the last layer's: vanishing"
    assert "⚠ vanishing, from iteration 0: fc1: gradient norm" in view.to_text()
    assert view.at == 0


def test_weights_that_are_too_large_explode() -> None:
    view = GradFlow(deep_relu())
    assert kinds(view) == {"exploding"}
    worst = view.warnings_at(0)[0]
    assert worst.value == max(view.series(one["name"], "grad")[0] for one in view.layers) > 1e5
    assert worst.text == f"{worst.layer}: gradient norm {worst.value:.4g} is over 1000: exploding"


def test_a_rate_that_is_too_high_ends_in_dead_units_or_in_nan() -> None:
    dead = GradFlow(high_rate(8.0))
    assert "dead" in kinds(dead)
    assert "non-finite" not in kinds(dead)
    one = next(one for one in dead.warnings if one.kind == "dead")
    assert one.value > 0.9
    assert one.text == f"act2 after fc2: {100 * one.value:.4g}% of 64 units are 0 for every sample: dead"
    broken = GradFlow(high_rate(300.0))
    assert {"exploding", "non-finite"} <= kinds(broken)
    one = next(one for one in broken.warnings if one.kind == "non-finite")
    assert "2112 of 2112 gradients are not finite (2112 NaN)" in "\n".join(w.text for w in broken.warnings)
    assert one.iteration > min(w.iteration for w in broken.warnings), "it exploded before"
    ET.fromstring(broken.to_svg())
    assert "not finite" in broken.to_svg()


def test_a_healthy_net_has_no_warning() -> None:
    view = GradFlow(residual())
    assert view.warnings == []
    assert view.summary() == ["No warnings."]
    assert view.to_text().endswith("No warnings.")
    assert "✓ no warnings" in view.to_svg()
    assert view.at == view.iterations[-1]
    low, high = view.band
    weights = [one["name"] for one in view.layers if "conv" in one["name"]]
    assert all(low / 10 < view.series(name, "ratio")[-1] < high * 10 for name in weights)


def test_a_gradient_that_is_exactly_zero() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    with torch.no_grad():
        net[1].weight.zero_()
    net(torch.ones(1, 2)).sum().backward()
    (one,) = GradFlow(net).warnings
    assert one.text == "0 Linear: gradient norm is exactly 0: vanishing"


def test_a_minimum_is_not_taken_for_a_vanishing_gradient() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    (net(torch.ones(1, 2)) * 1e-9).sum().backward()
    (one,) = GradFlow(net).warnings
    size = GradFlow(net).series("1", "grad")[0]
    assert one.text == (
        f"1 Linear: even the last layer's gradient norm, {size:.4g}, is under 1e-07: vanishing, or at a minimum"
    )
    for p in net.parameters():
        p.grad.zero_()
    assert [w.text for w in GradFlow(net).warnings] == ["1 Linear: every gradient is exactly 0: vanishing"]


def test_thresholds_are_settings() -> None:
    history = residual()
    assert kinds(GradFlow(history, thresholds={"exploding": 1e-3})) == {"exploding"}
    assert kinds(GradFlow(history, thresholds={"vanishing": 1e2})) == {"vanishing"}
    strict = GradFlow(history, thresholds={"dead": 1e-9, "ratio": 1e-30})
    assert strict.to_json()["thresholds"] == {"vanishing": 1e-7, "ratio": 1e-30, "exploding": 1e3, "dead": 1e-9}
    assert GradFlow(deep_sigmoid(), thresholds={"vanishing": 1e-12, "ratio": 1e-12}).warnings == []


# -- the numbers -----------------------------------------------------------------------------------------------------
def test_a_layer_is_its_parameters_as_one_vector() -> None:
    torch.manual_seed(0)
    net = Small()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    x, y = torch.randn(8, 3, 8, 8), torch.randint(0, 10, (8,))

    def vectors(of: Any) -> dict[str, Any]:
        return {
            name: np.concatenate([of(p).numpy().astype(np.float64).ravel() for p in part.parameters(recurse=False)])
            for name, part in net.named_modules()
            if list(part.parameters(recurse=False))
        }

    with watch(net, optimizer) as history:
        F.cross_entropy(net(x), y).backward()
        grads, before = vectors(lambda p: p.grad), vectors(lambda p: p.detach().clone())
        optimizer.step()
        after = vectors(lambda p: p.detach())
    view = GradFlow(history)
    assert [one["name"] for one in view.layers] == list(grads)
    for name, gradient in grads.items():
        assert view.series(name, "grad") == [pytest.approx(np.linalg.norm(gradient), rel=1e-12)]
        moved, size = np.linalg.norm(after[name] - before[name]), np.linalg.norm(before[name])
        assert view.series(name, "update") == [pytest.approx(moved, rel=1e-12)]
        assert view.series(name, "weight") == [pytest.approx(size, rel=1e-12)]
        assert view.series(name, "ratio") == [pytest.approx(moved / size, rel=1e-12)]
    data = view.to_json()
    for i, one in enumerate(data["layers"]):
        shown = data["measures"]["grad"][0][i]
        assert f"{shown:.6g}" == f"{view.series(one['name'], 'grad')[0]:.6g}"
        assert f"{shown:.4g}" in view.to_svg()


def test_a_layer_has_the_numbers_of_its_activation() -> None:
    history = deep_sigmoid()
    view = GradFlow(history)
    for measure in ("zero", "dead", "saturated", "mean", "std"):
        assert view.series("fc3", measure) == history.series("act3", measure)
    assert view.series("out", "mean") == [None] * 6
    assert "saturated" not in GradFlow(residual()).to_json()["measures"]


def test_by_parameter() -> None:
    history = residual()
    view = GradFlow(history, by="parameter")
    assert [one["name"] for one in view.layers] == history.parameters
    for name in history.parameters:
        assert view.series(name, "grad") == history.series(name, "grad_norm")
        assert view.series(name, "ratio") == pytest.approx(history.series(name, "ratio"))
    assert "parameters" in view.title


def test_layers_stand_in_the_order_in_which_they_ran() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.body, self.act = nn.Linear(3, 2), nn.Linear(2, 3), nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.head(self.act(self.body(x)))

    net = Odd()
    history = watch(net)
    net(torch.ones(1, 2)).sum().backward()
    history.step()
    history.close()
    view = GradFlow(history)
    assert [one["name"] for one in view.layers] == ["body", "head"]
    assert [one["act"] for one in view.to_json()["layers"]] == ["act", None]


def test_the_gradients_as_they_are_now() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    with pytest.raises(ValueError, match="no parameter has a gradient"):
        GradFlow(net)
    net(torch.randn(5, 4)).sum().backward()
    before = [(p.detach().numpy().tobytes(), p.grad.numpy().tobytes()) for p in net.parameters()]
    view = GradFlow(net)
    flat = np.concatenate([p.grad.numpy().ravel() for p in net[0].parameters()]).astype(np.float64)
    assert view.series("0", "grad") == view.series("0 Linear", "grad") == [pytest.approx(np.linalg.norm(flat))]
    data = view.to_json()
    assert data["single"]
    assert set(data["measures"]) == {"grad", "weight"}
    assert "iteration" not in view.to_text()
    view.to_html()
    assert before == [(p.detach().numpy().tobytes(), p.grad.numpy().tobytes()) for p in net.parameters()]


def test_a_frozen_layer_has_no_gradient() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 10))
    net[0].requires_grad_(False)
    view = GradFlow(train(net, torch.optim.SGD(net[2].parameters(), lr=0.1), 2, *points(4)))
    assert view.series("0", "grad") == [None, None]
    assert view.table()[1][1] == "-"
    ET.fromstring(view.to_svg())


# -- the picture -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [deep_sigmoid, deep_relu, residual])
def test_pictures_are_deterministic_and_small(make: Any) -> None:
    first, second = GradFlow(make()), GradFlow(make())
    assert first._repr_mimebundle_() == second._repr_mimebundle_()
    assert json.loads(json.dumps(first.to_json(), allow_nan=False)) == first.to_json()
    ET.fromstring(first.to_svg())
    assert len(first.to_html()) < 120_000
    assert repr(first) == first.to_text()


def test_the_same_under_any_hash_seed() -> None:
    program = (
        "import hashlib; from tests.widgets.test_grad_flow import *;"
        "print(hashlib.sha256(GradFlow(deep_sigmoid()).to_html().encode()).hexdigest())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(said) == 1


def many(layers: int, steps: int) -> GradFlow:
    torch.manual_seed(0)
    net = nn.Sequential(*(part for _ in range(layers) for part in (nn.Linear(4, 4), nn.Tanh())), nn.Linear(4, 10))
    return GradFlow(train(net, sgd(net, 0.1), steps, *points(4, 8)), thresholds={"ratio": 1e-20, "vanishing": 1e-20})


def test_a_deep_net_is_drawn_small_and_says_what_is_left_out() -> None:
    view = many(200, 30)
    data = view.to_json()
    assert len(data["layers"]) == 201
    assert data["note"] == f"{len(data['iterations'])} of 30 iterations are in the picture"
    assert {0, 29} <= set(data["iterations"])
    assert data["note"] in view.to_svg()
    assert len(view.to_html()) < 180_000
    assert len(view.table()) == 202
    assert "… 141 more" in view.to_text()


def test_a_long_run_keeps_its_first_warning() -> None:
    history = many(12, 400).history
    history.rows[100].parameters["0.weight"]["grad_norm"] = 1e9
    view = GradFlow(history)
    assert view.at == view.iterations[100]
    assert view.at in view.to_json()["iterations"]
    assert len(view.to_html()) < 120_000


HOSTILE = {
    "markup": "<img src=x onerror=alert(1)></svg><script>alert(2)<%script>",
    "lines": "a\nb\r\u2028c\x00",
    "direction": "\u202eevil\u2066",
    "quotes": "\"' onload='alert(3)'",
    "long": "x" * 10_000,
    "longer": "x" * 10_001,
}


def test_names_are_text() -> None:
    torch.manual_seed(0)
    net = nn.Sequential()
    for name in HOSTILE.values():
        net._modules[name] = nn.Linear(4, 4)
        net._modules[name + "_"] = nn.ReLU()
    net._modules["out"] = nn.Linear(4, 10)
    view = GradFlow(train(net, sgd(net, 0.1), 3, *points(4)))
    names = [one["name"] for one in view.layers]
    assert len(set(names)) == len(names) == 7
    assert max(map(len, names)) <= 80
    html = view.to_html()
    assert html.count("<script") == html.count("</script>") == 3
    assert html.count("<img") == 1
    for text in (view.to_svg(), html, view.to_text()):
        assert not {"\x00", "\u202e", "\u2066", "\u2028", "\r"} & set(text)
    ET.fromstring(view.to_svg())
    assert len(html) < 60_000


def test_a_shared_timeline_and_a_title() -> None:
    view = GradFlow(residual(), timeline=Timeline("run"), title="A <title>", at=3)
    data = view.to_json()
    assert (data["timeline"], data["title"], data["at"]) == ("run", "A <title>", 3)
    assert "A &lt;title&gt; · iteration 3" in view.to_svg()


def test_from_json() -> None:
    history = deep_sigmoid()
    again = GradFlow(json.loads(json.dumps(history.to_json())))
    assert again.to_html() == GradFlow(history).to_html()


def test_limits_are_drawn_where_they_are() -> None:
    data = GradFlow(residual()).to_json()
    assert axis(data, "grad").low <= 1e-2
    assert axis(data, "grad").high >= 1e3
    svg = GradFlow(residual()).to_svg()
    assert ">exploding</text>" in svg
    assert ">vanishing</text>" not in svg, "nothing is near it"
    assert ">vanishing</text>" in GradFlow(deep_sigmoid()).to_svg()
    assert ">usual</text>" in svg


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"by": "module"}, "by must be"),
        ({"thresholds": {"speed": 1}}, "'speed' is none of them"),
        ({"thresholds": {"dead": 2}}, "from 0 to 1"),
        ({"thresholds": {"ratio": 0}}, "above 0"),
        ({"thresholds": {"ratio": "small"}}, "above 0"),
        ({"band": (1, 0)}, "low < high"),
        ({"band": 3}, "pair"),
        ({"at": 77}, "iteration 77 was not kept"),
    ],
)
def test_bad_settings(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        GradFlow(deep_sigmoid(), **options)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="no iteration has ended"):
        GradFlow(History())
    with pytest.raises(TypeError, match="got str"):
        GradFlow("model")
    with pytest.raises(KeyError, match="'fc77'"):
        GradFlow(deep_sigmoid()).series("fc77", "grad")
    with pytest.raises(KeyError, match="'loss'"):
        GradFlow(deep_sigmoid()).series("fc1", "loss")
