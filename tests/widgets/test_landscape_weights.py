"""Directions through a model's weights, and the path of a training: the paper's, and in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

import gradviz as torch
from gradviz import nn
from gradviz.optim import step_hooks
from gradviz.widgets.optim import landscape_weights as lw
from gradviz.widgets.optim.landscape_view import LandscapeView
from tests.widgets.landscape_net import net, quiet, trained

# -- directions --


def test_filter_normalisation_is_the_papers() -> None:
    view = quiet(net())
    for direction in view.directions:
        for name, w in view.origin.items():
            d = direction[name]
            if w.ndim <= 1:
                assert not d.any(), "biases and batch norms stay"
            else:
                lengths = [np.linalg.norm(a.reshape(len(w), -1).astype(float), axis=1) for a in (w, d)]
                assert lengths[1] == pytest.approx(lengths[0], rel=1e-5)
    layer = quiet(net(), normalize="layer")
    for name, w in layer.origin.items():
        if w.ndim > 1:
            assert np.linalg.norm(layer.directions[0][name]) == pytest.approx(np.linalg.norm(w), rel=1e-5)


def test_the_seed_chooses_the_directions() -> None:
    model = net()
    a, b, c = quiet(model, seed=3), quiet(model, seed=3), quiet(model, seed=4)
    assert np.array_equal(a.values, b.values)
    assert not np.array_equal(a.values, c.values)


def test_principal_directions_are_those_of_the_svd() -> None:
    model = net()
    path = trained(model)
    view = quiet(model, path=path)
    flat = np.array([np.concatenate([row[n].ravel() for n in view.origin]) for row in path.rows], dtype=float)
    origin = np.concatenate([w.ravel() for w in view.origin.values()]).astype(float)
    _, sizes, right = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    assert view.explained == pytest.approx((sizes[:2] ** 2 / (sizes**2).sum()).tolist(), rel=1e-6)
    for i in range(2):
        mine = np.concatenate([d.ravel() for d in view.directions[i].values()]).astype(float)
        assert np.linalg.norm(mine) == pytest.approx(1.0, rel=1e-5)
        assert abs(mine @ right[i]) == pytest.approx(1.0, abs=1e-5)
        assert [p[i] for p in view.places] == pytest.approx(((flat - origin) @ mine).tolist(), abs=1e-5)
    off = np.linalg.norm(
        flat
        - origin
        - np.array(view.places)
        @ np.array([np.concatenate([d.ravel() for d in direction.values()]) for direction in view.directions]),
        axis=1,
    )
    assert view.off == pytest.approx(off.tolist(), abs=1e-3)
    assert view.places[0][0] < 0, "a training goes from left to right"
    share = f"{100 * view.explained[0]:.3g} %"
    assert share in view.to_text()


def test_a_path_along_a_line() -> None:
    model = nn.Linear(3, 1)
    path = LandscapeView.record_path(model)
    for _ in range(4):
        path.add()
        with torch.no_grad():
            model.weight.add_(0.5)
    view = quiet(model, lambda m: m.weight.sum() ** 2, path=path)
    assert view.explained == pytest.approx([1.0, 0.0])
    assert lw.dot(*view.directions) == pytest.approx(0.0, abs=1e-5)
    assert "lies on a line" in view.to_text()


def test_frozen_weights_stay() -> None:
    model = net()
    model[0].requires_grad_(False)
    assert not any(name.startswith("0.") for name in quiet(model).origin)
    model.requires_grad_(False)
    assert any(name.startswith("0.") for name in quiet(model).origin)


# -- the path --


def test_a_path_is_recorded_step_by_step() -> None:
    model = net()
    path = trained(model, 7, every=3)
    assert path.steps == [0, 3, 6, 7]
    now = lw.arrays_of(dict(model.named_parameters()))
    assert all(np.array_equal(path.rows[-1][n], w) for n, w in now.items())
    assert not step_hooks._after_all, "its hook is gone"


def test_a_long_path_is_bounded() -> None:
    path = trained(net(), 100, most=10)
    assert len(path) <= 10
    assert path.steps[0] == 0
    assert path.steps[-1] == 100
    assert max(b - a for a, b in zip(path.steps[1:], path.steps[2:], strict=False)) <= 32
    size = sum(p.numel() * 4 for p in net().parameters())
    assert LandscapeView.record_path(net(), megabytes=5.5 * size / 2**20).most == 5


def test_another_models_training_is_not_recorded() -> None:
    model, other = net(), net()
    with LandscapeView.record_path(model) as path:
        trained(other, 2)
    assert path.steps == [0]
