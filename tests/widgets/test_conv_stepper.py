"""ConvStepper: every number is the engine's, and every sum that is spelled out comes to it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.cnn.conv_stepper import ConvStepper

SETTINGS = [
    {}, {"padding": 1}, {"stride": 2}, {"dilation": 2}, {"stride": (2, 1), "padding": (0, 2)},
    {"stride": 2, "padding": 1, "dilation": 2},
]  # fmt: skip


def made(*shape: int, seed: int = 0) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_results_and_gradients_are_those_of_the_engine(settings: dict[str, Any], channels: int) -> None:
    x, w, b = made(channels, 7, 8), made(2, channels, 3, 3, seed=1), made(2, seed=2)
    for leaf in (x, w, b):
        leaf.requires_grad_()
    out = torch.nn.functional.conv2d(x[None], w, b, **settings)
    g = made(*out.shape[1:], seed=3)
    out.backward(g[None])
    view = ConvStepper(x, w, b, grad=g, **settings)
    assert x.grad is not None
    assert (view.out == out.detach().numpy()[0]).all()
    assert (view.gx == x.grad.numpy()).all()
    assert (view.gw == w.grad.numpy()).all()
    for o, i, j in np.ndindex(*view.out.shape):
        total = sum(weight * value for *_, weight, value in view.window(o, i, j)) + float(b[o])
        assert total == pytest.approx(view.out[o, i, j], rel=1e-4, abs=1e-5)
    assert [int(n) for n in re.findall(r"= (\d+)", view.sizes())] == list(view.out.shape[1:])


@pytest.mark.parametrize("mode", ["max", "avg"])
@pytest.mark.parametrize("settings", [{}, {"stride": 1}, {"padding": 1}], ids=str)
def test_pooling(mode: str, settings: dict[str, Any]) -> None:
    x = made(6, 6).requires_grad_()
    act = torch.nn.functional.max_pool2d if mode == "max" else torch.nn.functional.avg_pool2d
    out = act(x[None, None], 2, **settings)
    out.sum().backward()
    view = ConvStepper.pool(x, 2, mode=mode, **settings)
    assert (view.out == out.detach().numpy()[0]).all()
    assert (view.gx[0] == x.grad.numpy()).all()


def test_the_learners_tensors_are_left_alone() -> None:
    x, w = made(5, 5).requires_grad_(), made(3, 3).requires_grad_()
    ConvStepper(x, w)
    assert x.grad is None
    assert w.grad is None


def test_the_text_spells_a_sum_out() -> None:
    view = ConvStepper([[1.0, 2.0], [3.0, 4.0]], [[1.0, -1.0], [0.0, 2.0]], [0.5])
    assert "1 × 1 + (-1) × 2 + 0 × 3 + 2 × 4 + 0.5 = 7.5" in view.to_text()
    assert view.table()[1] == ["0", "0", "1 × 1 + (-1) × 2 + 0 × 3 + 2 × 4 + 0.5 = 7.5"]
    assert "max(1, 2, 3, 4) = 4" in str(ConvStepper.pool([[1.0, 2.0], [3.0, 4.0]], 2))


def test_pictures_are_well_formed_small_and_the_same_each_time() -> None:
    for view in (ConvStepper(made(3, 32, 32), made(6, 3, 5, 5)), ConvStepper.pool(made(1, 28, 28), 2)):
        ET.fromstring(view.to_svg())
        assert len(view.to_html()) <= 120_000
        assert view.to_html() == view.to_html()
    hostile = ConvStepper(made(4, 4), made(2, 2), title='"><script>alert(1)</script>\u202e')
    assert "<script>alert" not in hostile.to_html()
    ET.fromstring(hostile.to_svg())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ConvStepper(made(2, 5, 5), made(3, 3)), "weight is for 1 input channels, but x has 2"),
        (lambda: ConvStepper(made(5, 5), made(3)), "weight must be"),
        (lambda: ConvStepper(made(40, 40), made(3, 3)), "at most 4 channels of 32"),
        (lambda: ConvStepper(made(5, 5), made(3, 3), stride=0), "stride must be"),
        (lambda: ConvStepper(made(5, 5), made(3, 3), padding=-1), "padding must be"),
        (lambda: ConvStepper(made(5, 5), made(3, 3), grad=made(2, 2)), "shape of the output"),
        (lambda: ConvStepper(made(5, 5), made(3, 3), [1.0, 2.0]), "bias has 2 numbers"),
        (lambda: ConvStepper.pool(made(5, 5), 2, mode="min"), "mode must be"),
    ],
)
def test_bad_input_is_named(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


def test_a_kernel_that_does_not_fit_is_the_engines_error() -> None:
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        ConvStepper(made(2, 2), made(3, 3))
