"""`LandscapeView`: every loss is the model's own at those weights, and the model is left as it was, to the last bit."""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz import nn
from gradviz.widgets.optim import landscape
from gradviz.widgets.optim import landscape_weights as lw
from gradviz.widgets.optim.landscape_view import LandscapeView
from gradviz.widgets.timeline import Timeline
from tests.widgets.landscape_net import LOSS, by_hand, data, net, quiet, trained

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000


# -- the losses are the model's --


@pytest.mark.parametrize("normalize", ["filter", "layer", "none"])
def test_every_loss_of_a_random_plane(normalize: str) -> None:
    model = net()
    view = quiet(model, normalize=normalize)
    for r, y in enumerate(view.ys):
        for c, x in enumerate(view.xs):
            weights = {
                name: w + (np.float32(x) * view.directions[0][name] + np.float32(y) * view.directions[1][name])
                for name, w in lw.arrays_of(dict(model.named_parameters())).items()
            }
            assert view.values[r, c] == by_hand(model, weights)
    model.eval()
    x, y = data()
    assert view.here == LOSS(model(x), y).item() == view.values[2, 2], "the middle is the model itself"


def test_every_loss_of_a_paths_plane_and_of_the_path() -> None:
    model = net()
    path = trained(model)
    view = quiet(model, path=path)
    for r, c in ((0, 0), (1, 4), (3, 2), (4, 1)):
        assert view.values[r, c] == by_hand(model, view.weights(view.xs[c], view.ys[r]))
    for k in (0, 5, 12):
        assert view.true[k] == by_hand(model, path.rows[k])
    assert 0.0 in view.xs
    assert 0.0 in view.ys
    assert view.here == view.true[-1]


def test_training_mode_uses_the_batch_and_the_same_draws_everywhere() -> None:
    model = net()
    view = quiet(model, training=True)
    assert view.values[1, 3] == by_hand(model, view.weights(view.xs[3], view.ys[1]), training=True)
    assert view.here != quiet(model).here
    assert view.here == quiet(model, training=True).here


def test_the_line_between_two_states() -> None:
    model = net()
    first = copy.deepcopy(model.state_dict())
    trained(model, 6)
    last = copy.deepcopy(model.state_dict())
    view = quiet(model, between=(first, last), resolution=7)
    assert view.xs.tolist() == [-0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25]
    for alpha, loss in zip(view.xs, view.values[0], strict=True):
        weights = {}
        for name, a in first.items():
            b, t = last[name], float(alpha)
            if "running" in name:
                t = min(1.0, max(0.0, t))
            if "num_batches" in name or t in (0.0, 1.0):
                weights[name] = np.asarray((b if t >= 0.5 else a).tolist())
            else:
                weights[name] = np.asarray((a * np.float32(1 - t).item() + b * np.float32(t).item()).tolist())
        assert loss == pytest.approx(by_hand(model, weights), rel=1e-6)
    assert view._at(0.0) == by_hand(model, {n: np.asarray(t.tolist()) for n, t in first.items()})
    assert view._at(1.0) == by_hand(model, {n: np.asarray(t.tolist()) for n, t in last.items()})


def test_batches_are_weighed_by_their_size_and_read_once() -> None:
    model = net().eval()
    x, y = data()
    reads = []

    def loader() -> Any:
        reads.append(1)
        yield x[:8], y[:8]
        yield x[8:], y[8:]

    view = quiet(model, LOSS, loader())
    assert len(reads) == 1
    assert view.here == pytest.approx(LOSS(model(x), y).item(), rel=1e-6)
    assert quiet(model, LOSS, loader(), batches=1).here == LOSS(model(x[:8]), y[:8]).item()


def test_without_data_the_loss_function_gets_the_model() -> None:
    model = net().eval()
    x, y = data()
    view = quiet(model, lambda m: LOSS(m(x), y))
    assert np.array_equal(view.values, quiet(model).values)


def test_a_loss_made_of_derivatives() -> None:
    model = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))

    def slope(m: Any) -> Any:
        x = torch.linspace(-1, 1, 5).reshape(5, 1).requires_grad_()
        (g,) = torch.autograd.grad(m(x).sum(), x, create_graph=True)
        return ((g - 1) ** 2).mean()

    view = quiet(model, slope)
    assert view.here == slope(model).item()
    assert all(p.grad is None for p in model.parameters())


# -- the model is left as it was --


def state_of(model: Any) -> Any:
    x = model.state_dict()
    return (
        {n: (id(p), id(p._array), p.tolist(), None if p.grad is None else (id(p.grad), p.grad.tolist()), p._version)
         for n, p in (*model.named_parameters(), *model.named_buffers())},
        [m.training for m in model.modules()],
        list(x),
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
    )  # fmt: skip


def lived(model: Any) -> Any:
    """A model with gradients, statistics, and modes of its own."""
    x, y = data()
    LOSS(model(x), y).backward()
    model.train()
    model[1].eval()
    return model


def writes(m: Any) -> Any:
    """A loss function that does what it should not."""
    m.zero_grad(set_to_none=False)
    m.train()
    x, y = data()
    out = LOSS(m(x), y)
    with torch.no_grad():
        for p in m.parameters():
            p.mul_(0.5)
    np.random.rand()  # noqa: NPY002
    torch.rand(3)
    return out


def test_everything_comes_back_bit_by_bit() -> None:
    model = lived(net())
    path = trained(copy.deepcopy(model), 4)
    first = copy.deepcopy(model.state_dict())
    before = state_of(model)
    for options in ({}, {"training": True}, {"path": path}, {"between": (first, first)}):
        quiet(model, **options).to_html()
        assert state_of(model) == before
    quiet(model, writes)
    assert state_of(model) == before


def test_a_graph_recorded_before_can_still_go_backward() -> None:
    model = net()
    x, y = data()
    loss = LOSS(model(x), y)
    twin = copy.deepcopy(model)
    quiet(model, training=True)
    loss.backward()
    torch.manual_seed(0)
    assert all(p.grad is not None for p in model.parameters())
    assert all(p.tolist() == q.tolist() for p, q in zip(model.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("after", [0, 1, 7])
def test_an_interrupt_keeps_what_is_there_and_the_model(after: int) -> None:
    model = lived(net())
    whole = quiet(model)
    before = state_of(model)
    left = [after]

    def stops(out: Any, y: Any) -> Any:
        if left[0] == 0:
            left[0] = -1
            raise KeyboardInterrupt
        left[0] -= 1
        return LOSS(out, y)

    view = quiet(model, stops, data())
    assert state_of(model) == before
    assert view.done == after
    assert int(np.isfinite(view.values).sum()) == max(0, after - 1)
    assert f"Interrupted: {after} of 26 losses" in view.to_text()
    ET.fromstring(view.to_svg())
    view.to_html()
    view.resume()
    assert np.array_equal(view.values, whole.values)
    assert "Interrupted" not in view.to_text()
    assert state_of(model) == before


def test_a_failure_leaves_the_model_too() -> None:
    model = lived(net())
    before = state_of(model)
    with pytest.raises(ZeroDivisionError):
        quiet(model, lambda m: 1 / 0)
    assert state_of(model) == before


def test_the_grid_grows_from_the_middle() -> None:
    order = landscape.rings(5, 5)
    assert order[0] == (2, 2)
    assert {max(abs(r - 2), abs(c - 2)) for r, c in order[1:9]} == {1}
    assert sorted(order) == [(r, c) for r in range(5) for c in range(5)]


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    quiet(net(), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 26) for k in range(1, 27)]


# -- every view --


def shown(kind: str, **options: Any) -> LandscapeView:
    model = net()
    if kind == "line":
        first = copy.deepcopy(model.state_dict())
        trained(model, 3)
        return quiet(model, between=(first, model.state_dict()), **options)
    return quiet(model, path=trained(model) if kind == "pca" else None, **{"resolution": 25, **options})


@pytest.mark.parametrize("view", ["2d", "3d"])
@pytest.mark.parametrize("kind", ["random", "pca", "line"])
def test_everything_is_deterministic_well_formed_and_small(kind: str, view: str) -> None:
    a, b = shown(kind, view=view), shown(kind, view=view)
    assert a._repr_mimebundle_() == b._repr_mimebundle_()
    assert set(a._repr_mimebundle_()) == {"text/plain", "text/html"}
    ET.fromstring(a.to_svg())
    assert json.loads(json.dumps(a.to_json(), allow_nan=False)) == a.to_json()
    assert len(a.to_html()) < 120_000
    assert repr(a) == a.to_text()
    assert "http" not in a.to_text()


def test_the_largest_stays_small() -> None:
    model = nn.Linear(2, 1)
    for view in ("2d", "3d"):
        assert len(quiet(model, lambda m: (m.weight**2).sum(), resolution=101, view=view).to_html()) < 120_000


def test_levels_are_evenly_spaced_on_a_logarithmic_scale() -> None:
    model = nn.Linear(2, 1)
    view = quiet(model, lambda m: (m.weight**2).sum() ** 3, resolution=21)
    levels = view.ground.to_json()["levels"]
    steps = [b / a for a, b in itertools.pairwise(levels)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-4)
    assert view.values.min() < levels[0]
    assert levels[-1] < view.values.max()
    low, high = view.ground.marks()[0][0], view.ground.marks()[-1][0]
    assert (low, high) == pytest.approx((view.values.min(), view.values.max()), rel=0.05)
    assert not quiet(model, lambda m: 5 + (m.weight**2).sum(), resolution=9).ground.log


def test_losses_that_are_not_finite() -> None:
    model = nn.Linear(2, 1)
    view = quiet(model, lambda m: (m.weight.sum() - 0.1).log(), resolution=9)
    assert "not finite numbers" in view.to_text()
    ET.fromstring(view.to_svg())
    json.dumps(view.to_json(), allow_nan=False)
    flat = quiet(model, lambda m: m.weight.sum() * 0, resolution=5)
    ET.fromstring(flat.to_svg())
    flat.to_html()
    none = quiet(model, lambda m: m.weight.sum() * math.nan, resolution=5, view="3d")
    ET.fromstring(none.to_svg())
    none.to_html()


def test_the_bytes_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import gradviz as torch, hashlib; from gradviz.widgets.optim.landscape_view import LandscapeView as V;"
        "torch.manual_seed(0); m = torch.nn.Linear(3, 2);"
        "v = V(m, lambda m: (m.weight ** 2).sum(), resolution=7, progress=False);"
        "print(hashlib.sha256(v.to_html().encode()).hexdigest())"
    )
    run = [sys.executable, "-c", code]
    seen = {subprocess.run(run, env={"PYTHONHASHSEED": s}, capture_output=True, check=True).stdout for s in ("0", "1")}
    assert len(seen) == 1


def test_names_are_text() -> None:
    model = nn.Module()
    model._modules[HOSTILE] = nn.Linear(2, 2)
    view = quiet(model, lambda m: (m._modules[HOSTILE].weight ** 2).sum(), title=HOSTILE)
    html = view.to_html()
    ET.fromstring(view.to_svg())
    assert "<img src=x" not in html
    assert html.count("<script") == 3
    for text in (html, view.to_svg(), view.to_text()):
        assert not {"\u202e", "\x00"} & set(text)
    assert len(html) < 80_000


def test_a_timeline_is_handed_on() -> None:
    assert quiet(net(), timeline=Timeline("mine"))._page()["timeline"] == "mine"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: quiet(3), TypeError, "needs a module; got int"),
        (lambda: quiet(net(), 3), TypeError, "loss_fn must be a function"),
        (lambda: quiet(nn.ReLU()), ValueError, "no parameters of real numbers"),
        (lambda: quiet(net(), LOSS, []), ValueError, "gave no batch"),
        (lambda: quiet(net(), LOSS, 3), TypeError, "data must be a pair"),
        (lambda: quiet(net(), LOSS, [torch.ones(3)]), TypeError, "leave data out"),
        (lambda: quiet(net(), nn.CrossEntropyLoss(reduction="none"), data()), ValueError, "must be one number"),
        (lambda: quiet(net(), resolution=2), ValueError, "from 3 to"),
        (lambda: quiet(net(), resolution=500), ValueError, "got 500"),
        (lambda: quiet(net(), span=-1), ValueError, "span must be"),
        (lambda: quiet(net(), span="wide"), ValueError, "got 'wide'"),
        (lambda: quiet(net(), span=((1, 0), (0, 1))), ValueError, "got \\(\\(1, 0\\)"),
        (lambda: quiet(net(), normalize="batch"), ValueError, "'filter', 'layer' or 'none'"),
        (lambda: quiet(net(), view="4d"), ValueError, "'2d' or '3d'"),
        (lambda: quiet(net(), path=[1]), TypeError, "record_path"),
        (lambda: quiet(net(), path=LandscapeView.record_path(net())), ValueError, "0 snapshots: at least 2"),
        (lambda: quiet(nn.Linear(2, 1), path=trained(net(), 2)), ValueError, "recorded from another model"),
        (lambda: quiet(net(), between=3), TypeError, "two state dicts"),
        (lambda: quiet(net(), between=(1, 2)), TypeError, "the first is int"),
        (lambda: quiet(net(), between=({}, {})), ValueError, "first state dict lacks '0.weight'"),
        (lambda: quiet(net(), path=trained(net(), 2), between=(1, 2)), ValueError, "use one of them"),
        (lambda: quiet(nn.BatchNorm1d(3), lambda m: m.weight.sum()), ValueError, "Use normalize='none'"),
        (lambda: LandscapeView.record_path(net(), every=0), ValueError, "every >= 1"),
    ],
)
def test_what_cannot_be_shown(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=re.compile(text, re.DOTALL)):
        call()


def test_weights_that_did_not_move() -> None:
    model = net()
    path = LandscapeView.record_path(model)
    path.add()
    path.add()
    with pytest.raises(ValueError, match="did not change along the path"):
        quiet(model, path=path)
    with pytest.raises(ValueError, match="must grow"):
        path.add(0)
