"""`ClipView`: what it says of clipping is what the engine's clipping does; a training is watched and not touched."""

from __future__ import annotations

import copy
import functools
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
from gradviz.core import events
from gradviz.optim import step_hooks
from gradviz.widgets.optim import clip_data
from gradviz.widgets.optim.clip_view import ClipView
from gradviz.widgets.timeline import Timeline

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000
clip_norm, clip_value = torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_value_


def gradients(steps: int = 30, size: int = 2, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=size) * math.exp(rng.normal())).astype(np.float32) for _ in range(steps)]


def by_hand(vector: Any, mode: str, limit: float, order: float) -> tuple[float, float, float]:
    """Norm before, norm after and the turn in degrees, by the engine's own functions on a parameter."""
    p = torch.zeros(len(vector), requires_grad=True)
    p.grad = torch.tensor(np.asarray(vector).tolist())
    a = p.grad.clone()
    before = float(a.norm(order).item())
    clip_norm([p], limit, order) if mode == "norm" else clip_value([p], limit)
    b = p.grad
    cosine = float((a.double() @ b.double()) / (a.double().norm() * b.double().norm()))
    return before, float(b.norm(order).item()), math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("mode", ["norm", "value"])
@pytest.mark.parametrize("size", [1, 2, 5, 200])
def test_the_numbers_are_the_engines(size: int, mode: str, order: float) -> None:
    given = gradients(size=size)
    view = ClipView(given, max_norm=0.8, clip_value=0.6, mode=mode, norm_type=order)
    for vector, step, (after, turn) in zip(given, view.steps, view.after, strict=True):
        wanted = by_hand(vector, mode, view.limits[mode], order)
        assert step.norm(order) == pytest.approx(wanted[0], rel=1e-6)
        assert after == pytest.approx(wanted[1], rel=2e-6)
        assert turn == pytest.approx(wanted[2] if mode == "value" else 0.0, abs=0.05)
    hits = [i for i, v in enumerate(given) if not np.array_equal(clipped(v, mode, view.limits[mode], order), v)]
    assert view.hits() == hits
    assert f"would clip {len(hits)} of 30 steps" in view.caption()


def clipped(vector: Any, mode: str, limit: float, order: float) -> Any:
    p = torch.zeros(len(vector), requires_grad=True)
    p.grad = torch.tensor(vector.tolist())
    clip_norm([p], limit, order) if mode == "norm" else clip_value([p], limit)
    return np.asarray(p.grad.tolist(), dtype=np.float32)


def test_small_gradients_are_exact() -> None:
    given = gradients()
    for mode in ("norm", "value"):
        view = ClipView(given, max_norm=0.8, mode=mode)
        assert [s.norm(2.0) for s in view.steps] == [by_hand(v, mode, 0.8, 2.0)[0] for v in given]
        assert [a for a, _ in view.after] == [by_hand(v, mode, 0.8, 2.0)[1] for v in given]


@pytest.mark.parametrize("size", [2, 300])
def test_double_precision_stays_double(size: int) -> None:
    given = [g.astype(np.float64) * (1 + 1e-12) for g in gradients(size=size)]
    view = ClipView(given, max_norm=0.8)
    for vector, (after, _) in zip(given, view.after, strict=True):
        p = torch.zeros(size, dtype=torch.float64, requires_grad=True)
        p.grad = torch.tensor(vector.tolist(), dtype=torch.float64)
        clip_norm([p], 0.8)
        assert after == pytest.approx(p.grad.norm().item(), rel=1e-14)
    assert view._page()["single"] is False


def test_limits_on_each_element_of_a_large_gradient() -> None:
    vector = gradients(1, 3000)[0]
    found = clip_data.measured(0, [vector[:1000], vector[1000:]], [0.37]).cuts
    for limit in (0.37, clip_data.EDGES[50], clip_data.EDGES[61]):
        held = np.clip(vector.astype(np.float64), -limit, limit)
        cut = found[limit]
        assert cut.one == pytest.approx(np.abs(held).sum())
        assert cut.two == pytest.approx(np.linalg.norm(held))
        assert cut.most == pytest.approx(np.abs(held).max())
        assert cut.share == pytest.approx(float((np.abs(vector) > limit).mean()))
        wide = vector.astype(np.float64)
        cosine = wide @ held / np.linalg.norm(wide) / np.linalg.norm(held)
        assert cut.degrees == pytest.approx(math.degrees(math.acos(min(1.0, cosine))), abs=2e-3)


def test_clipping_by_norm_never_turns_and_by_value_does() -> None:
    given = [[3.0, 0.1]]
    assert ClipView(given, max_norm=1.0).after[0][1] == 0.0
    turned = ClipView(given, clip_value=1.0).after[0][1]
    assert turned == pytest.approx(math.degrees(math.atan(0.1) - math.atan(0.1 / 3)), abs=1e-4)


# -- watching a training -----------------------------------------------------------------------------------------------


def net() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))


def train(model: Any, treat: Any, steps: int = 12, accumulate: int = 1) -> list[tuple[float, float]]:
    """Train, and say what the norm was before and after `treat`."""
    torch.manual_seed(1)
    x, y = torch.randn(32, 4), torch.randn(32, 1) * 3
    o = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = []
    for _ in range(steps):
        o.zero_grad()
        for _ in range(accumulate):
            ((model(x) - y) ** 2).mean().backward()
        params = list(model.parameters())
        before = float(torch.nn.utils.get_total_norm([p.grad for p in params]).item())
        treat(params)
        seen.append((before, float(torch.nn.utils.get_total_norm([p.grad for p in params]).item())))
        o.step()
    return seen


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_training_is_watched(accumulate: int) -> None:
    model = net()
    with ClipView.record(model) as log:
        seen = train(model, lambda p: clip_norm(p, 1.5), accumulate=accumulate)
    assert [s.norm(2.0) for s in log.steps] == [a for a, _ in seen]
    for step, (before, after) in zip(log.steps, seen, strict=True):
        if before > 1.5:
            assert step.done == f"all ×{after / before:.4g}: norm {before:.4g} → {after:.4g}"
        else:
            assert step.done == ""
    assert any(s.done for s in log.steps)
    view = ClipView(log, max_norm=1.5)
    assert [a for a, _ in view.after] == pytest.approx([b for _, b in seen], rel=1e-6)
    assert "all ×" in view.to_text()
    assert ClipView(log).limits["norm"] == 1.5, "what the training itself clipped to"


def test_clipping_by_value_and_other_changes_are_told() -> None:
    for treat, text in (
        (lambda p: clip_value(p, 0.05), "elements held at ±0.05, turned by"),
        (lambda p: p[0].grad.zero_(), "changed in another way"),
        (lambda p: None, ""),
    ):
        model = net()
        with ClipView.record(model) as log:
            train(model, treat, 2)
        assert text in log.steps[0].done
        assert bool(log.steps[0].done) == bool(text)


def test_watching_changes_nothing() -> None:
    watched, plain = net(), net()
    hooks = len(step_hooks._before_all)
    state = torch.get_rng_state().tolist()
    log = ClipView.record(watched)
    assert torch.get_rng_state().tolist() == state
    with log:
        train(watched, lambda p: clip_norm(p, 1.0))
        rng = torch.get_rng_state().tolist()
    train(plain, lambda p: clip_norm(p, 1.0))
    assert torch.get_rng_state().tolist() == rng
    for a, b in zip(watched.parameters(), plain.parameters(), strict=True):
        assert a.tolist() == b.tolist()
        assert a.grad.tolist() == b.grad.tolist()
    assert len(step_hooks._before_all) == hooks
    assert not events.watching
    assert not any(m._forward_hooks for m in watched.modules())


def test_the_watch_ends_when_the_training_fails() -> None:
    model = net()
    with pytest.raises(ZeroDivisionError), ClipView.record(model):
        train(model, lambda p: 1 / 0)
    assert not events.watching
    assert not step_hooks._before_all


def test_another_models_optimizer_is_not_heard() -> None:
    model, other = net(), net()
    with ClipView.record(model) as log:
        train(other, lambda p: None, 3)
    assert log.seen == 0
    with pytest.raises(ValueError, match="holds no step"):
        ClipView(log)


def test_a_long_training_is_bounded_and_says_so() -> None:
    model = net()
    with ClipView.record(model, most=5) as log:
        train(model, lambda p: None, 12)
    assert (len(log.steps), log.seen) == (5, 12)
    assert "7 later steps were counted but not kept" in ClipView(log).to_text()
    assert all(s.whole is None for s in log.steps)


def test_a_limit_that_was_not_measured() -> None:
    model = net()
    with ClipView.record(model, limits=[0.3]) as log:
        train(model, lambda p: None, 2)
    assert ClipView(log, clip_value=0.3).limits["value"] == 0.3
    with pytest.raises(ValueError, match=re.escape("ClipView.record(model, limits=[0.2])")):
        ClipView(log, clip_value=0.2)
    assert ClipView(log, max_norm=0.2).limits["value"] in clip_data.EDGES


def test_records_take_an_optimizer_and_parameters() -> None:
    model = net()
    o = torch.optim.SGD(model.parameters(), lr=0.1)
    assert len(clip_data.ClipLog(o).params) == len(clip_data.ClipLog(list(model.parameters())).params) == 4
    for wrong in (3, [], [1.0]):
        with pytest.raises(TypeError):
            ClipView.record(wrong)


# -- the cliff ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["norm", "value"])
def test_the_walks_are_real_walks(mode: str) -> None:
    make = functools.partial(torch.optim.SGD, momentum=0.5)
    view = ClipView(ClipView.cliff, (4.0, -2.5), make, max_norm=0.5, mode=mode, lr=1.0, steps=15)
    for walk, clip in zip(view.walks, (False, True), strict=True):
        leaves = [torch.tensor(v, requires_grad=True) for v in (4.0, -2.5)]
        o = make(leaves, lr=1.0)
        for place, loss, grad, used in zip(walk.path, walk.losses, walk.grads, walk.used, strict=True):
            assert place == [p.item() for p in leaves]
            o.zero_grad()
            out = ClipView.cliff(*leaves)
            out.backward()
            assert (loss, grad) == (out.item(), [p.grad.item() for p in leaves])
            if clip:
                clip_norm(leaves, 0.5) if mode == "norm" else clip_value(leaves, 0.5)
            assert used == [p.grad.item() for p in leaves]
            o.step()


def test_the_cliff_is_one() -> None:
    view = ClipView(ClipView.cliff, (4.0, -2.5), max_norm=0.5, lr=1.0)
    free, held = view.walks
    assert max(view.steps, key=lambda s: s.norm(2.0)).norm(2.0) > 4 * view.limits["norm"]
    assert held.losses[-1] < free.losses[-1] / 100, "with clipping it stays in the valley"
    assert view.why == ""
    assert 0 < len(view.hits()) < 60


def test_another_optimizer_says_that_it_needs_the_kernel() -> None:
    class Mine(torch.optim.SGD):
        pass

    view = ClipView(ClipView.cliff, (4.0, -2.5), Mine, steps=4)
    assert view.program is None
    assert "Mine" in view.why
    assert view._page()["why"] == view.why


def test_a_walk_leaves_the_generator_alone() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state().tolist()
    ClipView(lambda x, y: (x * x + y * y) * (1 + 0 * torch.rand(())), (1.0, 2.0), steps=3)
    assert torch.get_rng_state().tolist() == state


# -- every view -----------------------------------------------------------------------------------------------------


def logged() -> ClipView:
    model = net()
    with ClipView.record(model) as log:
        train(model, lambda p: clip_norm(p, 1.0))
    return ClipView(log)


VIEWS = {
    "vectors": lambda: ClipView(gradients()),
    "large": lambda: ClipView(gradients(40, 5000), clip_value=0.5),
    "log": logged,
    "cliff": lambda: ClipView(ClipView.cliff, (4.0, -2.5), max_norm=0.5, lr=1.0),
    "cliff 3-D": lambda: ClipView(ClipView.cliff, (4.0, -2.5), max_norm=0.5, lr=1.0, view="3d"),
}


@pytest.mark.parametrize("name", VIEWS)
def test_everything_is_deterministic_well_formed_and_small(name: str) -> None:
    a, b = VIEWS[name](), VIEWS[name]()
    assert a._repr_mimebundle_() == b._repr_mimebundle_()
    assert set(a._repr_mimebundle_()) == {"text/plain", "text/html"}
    ET.fromstring(a.to_svg())
    assert json.loads(json.dumps(a.to_json(), allow_nan=False)) == a.to_json()
    assert len(a.to_html()) < 120_000
    assert repr(a) == a.to_text()
    assert "http" not in a.to_text()


def test_the_bytes_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "from gradviz.widgets.optim.clip_view import ClipView as V; import hashlib;"
        "v = V([{'b': [3.0, 1.0], 'a': [0.5]}] * 4);"
        "print(hashlib.sha256(v.to_html().encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(seen) == 1


def test_many_steps_are_thinned_and_counted_whole() -> None:
    view = ClipView(gradients(3000), max_norm=1.0)
    page = view._page()
    assert len(page["steps"]) <= 400
    assert len(view.to_html()) < 120_000
    norms = [s.norm(2.0) for s in view.steps]
    assert max(page["norms"][1]) == pytest.approx(max(norms))
    known = page["grid"]["thresholds"].index(1.0)
    assert page["grid"]["counts"][1][known] == len(view.hits())
    assert page["total"] == 3000


def test_gradients_that_are_not_finite() -> None:
    view = ClipView([[1.0, 2.0], [math.nan, 1.0], [math.inf, 1.0]])
    assert "Not finite at step 1, 2: clipping cannot repair that." in view.to_text()
    json.dumps(view.to_json(), allow_nan=False)
    ET.fromstring(view.to_svg())
    ClipView([[math.nan] * 40] * 3, clip_value=1.0).to_html()


def test_dicts_name_the_elements() -> None:
    view = ClipView([{"w": torch.tensor([3.0, 4.0]), "b": np.float64(12.0)}])
    assert view.names == ["w[0]", "w[1]", "b"]
    assert view.steps[0].norm(2.0) == 13.0
    assert ClipView([3.0, 4.0]).steps[1].norm(1.0) == 4.0


def test_gradients_are_not_changed() -> None:
    given = gradients(5)
    before = copy.deepcopy(given)
    ClipView(given, max_norm=0.1).to_html()
    assert all(np.array_equal(a, b) for a, b in zip(given, before, strict=True))


def test_names_are_text() -> None:
    view = ClipView([{HOSTILE: [3.0, 4.0]}] * 3, title=HOSTILE)
    html = view.to_html()
    ET.fromstring(view.to_svg())
    assert "<img src=x" not in html
    assert html.count("<script") == 3
    assert len(html) < 80_000
    for text in (html, view.to_svg(), view.to_text()):
        assert not {"\u202e", "\x00"} & set(text)
    cliff = ClipView(lambda x, y: x * x + y * y, (1.0, 1.0), names=[HOSTILE, "y"], steps=3)
    ET.fromstring(cliff.to_svg())
    assert "<img src=x" not in cliff.to_html()


def test_a_timeline_is_handed_on() -> None:
    assert ClipView([[1.0]], timeline=Timeline("mine"))._page()["timeline"] == "mine"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ClipView([]), ValueError, "no gradients"),
        (lambda: ClipView(3), TypeError, "a list of gradients, or a function"),
        (lambda: ClipView("abc"), TypeError, "got str"),
        (lambda: ClipView([["a"]]), TypeError, "step 0 is not made of numbers"),
        (lambda: ClipView([[1.0], [1.0, 2.0]]), ValueError, "gradient of step 1 is g \\(2,\\), and that of step 0"),
        (lambda: ClipView([[]]), ValueError, "no elements"),
        (lambda: ClipView([[1.0]], max_norm=0), ValueError, "max_norm must be a positive number"),
        (lambda: ClipView([[1.0]], clip_value=-1), ValueError, "clip_value must be a positive"),
        (lambda: ClipView([[1.0]], norm_type=3), ValueError, "1, 2 or inf"),
        (lambda: ClipView([[1.0]], mode="sum"), ValueError, "'norm' or 'value'"),
        (lambda: ClipView([[1.0]], (1, 2)), TypeError, "start= is for a function"),
        (lambda: ClipView([[1.0]], names=["a", "b"]), ValueError, "one entry for each of the 1"),
        (lambda: ClipView(lambda x, y: x), ValueError, "a start of two numbers"),
        (lambda: ClipView(lambda x, y: x, (1.0,)), ValueError, "got \\(1.0,\\)"),
        (lambda: ClipView(lambda x, y: x * y, (1.0, 1.0), steps=0), ValueError, "1 to 400 steps"),
        (lambda: ClipView(lambda x, y: x * y, (1.0, 1.0), lr=-1), ValueError, "lr=-1"),
        (lambda: ClipView(lambda x, y: 3.0, (1.0, 1.0)), TypeError, "returned float"),
        (lambda: ClipView([[1.0]], view="4d"), ValueError, "'2d' or '3d'"),
    ],
)
def test_what_cannot_be_shown(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call()
