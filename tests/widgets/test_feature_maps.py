"""FeatureMaps: its maps, gradients and filters are those of the real network, which it leaves as it was."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.cnn.feature_maps import FeatureMaps

nn = torch.nn


def net(inplace: bool = True) -> Any:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=inplace), nn.Dropout(0.5), nn.MaxPool2d(2),
        nn.Conv2d(6, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5),
    )  # fmt: skip


def batch() -> Any:
    return torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def by_hand(model: Any, x: Any, sample: int, target: int) -> tuple[list[Any], list[Any]]:
    """Activations and their gradients, layer by layer, with nothing in place."""
    outs, value = [], x
    for layer in model:
        value = layer(value)
        outs.append(value)
    grads = torch.autograd.grad(outs[-1][sample, target], outs)
    return outs, list(grads)


def test_maps_and_gradients_are_those_of_the_network() -> None:
    x = batch()
    view = FeatureMaps(net().eval(), x, sample=2, target=3)
    outs, grads = by_hand(net(inplace=False).eval(), x, 2, 3)
    kept = [i for i, layer in enumerate(net()) if not isinstance(layer, nn.Flatten)]
    assert [layer.name for layer in view.layers] == [str(i) for i in kept]
    for layer, i in zip(view.layers, kept, strict=True):
        assert np.allclose(layer.output.ravel(), outs[i][2].detach().numpy().ravel(), atol=1e-6)
        assert np.allclose(layer.grad.ravel(), grads[i][2].numpy().ravel(), atol=1e-6)
    assert view.score == pytest.approx(outs[-1][2, 3].item())


def test_the_bytes_hold_the_maps_to_one_step_in_255_and_the_statistics_exactly() -> None:
    view = FeatureMaps(net().eval(), batch())
    for layer, told in zip(view.layers, view.to_json()["layers"], strict=True):
        maps = told["value"]
        shape = (-1, maps["rows"], maps["columns"])
        steps = np.frombuffer(base64.b64decode(maps["pixels"]), np.uint8).reshape(shape).astype(float)
        scale = np.array(maps["scale"])[:, None, None]
        count = len(steps)
        assert np.abs((steps - 128) / 127 * scale - layer.output[:count]).max() <= scale.max() / 254 * 1.01
        for stats, m in zip(maps["stats"], layer.output, strict=False):
            assert stats == pytest.approx([m.min(), m.max(), m.mean(), m.std(), (m == 0).sum()], rel=1e-5, abs=1e-6)


def test_filters_are_the_weights_and_their_gradients() -> None:
    model, x = net().eval(), batch()
    view = FeatureMaps(model, x, loss=lambda out: out.square().sum())
    first = view.layers[0]
    assert (first.weight == model[0].weight.detach().numpy()).all()
    twin = net(inplace=False).eval()
    twin(x).square().sum().backward()
    assert np.allclose(first.weight_grad, twin[0].weight.grad.numpy(), rtol=1e-4, atol=1e-6)
    told = view.to_json()["layers"][0]["filters"]
    assert (told["outputs"], told["inputs"], told["of"]) == (6, 3, 3)


def test_the_network_is_left_as_it_was() -> None:
    model, x = net().train(), batch().requires_grad_()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    FeatureMaps(model, x)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in model.parameters())
    assert x.grad is None
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())
    for p in model.parameters():
        p.requires_grad_(False)
    assert FeatureMaps(model, batch()).layers[0].grad is not None, "also of a frozen network"
    assert not any(p.requires_grad for p in model.parameters())


def test_pages_are_small_well_formed_and_the_same_each_time() -> None:
    large = nn.Sequential(
        *[nn.Conv2d(3 if i == 0 else 32, 32, 3, padding=1) for i in range(8)], nn.Flatten(), nn.Linear(32 * 64 * 64, 3)
    )
    view = FeatureMaps(large, torch.rand(1, 3, 64, 64))
    assert len(view.to_html()) <= 120_000
    ET.fromstring(view.to_svg())
    small = [FeatureMaps(net().eval(), batch()).to_html() for _ in range(2)]
    assert small[0] == small[1]


def test_numbers_that_are_not_finite_are_counted() -> None:
    x = batch()
    x[0, 0, 3, 3] = float("inf")
    told = FeatureMaps(net().eval(), x).to_json()["layers"][0]["value"]
    assert max(told["bad"]) > 0
    assert FeatureMaps(net().eval(), x).to_svg()


def test_hostile_names() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_module('"><script>alert(1)</script>\u202e', nn.Conv2d(3, 2, 3))
            self.head = nn.Linear(2 * 14 * 14, 2)

        def forward(self, x: Any) -> Any:
            return self.head(next(iter(self.children()))(x).flatten(1))

    view = FeatureMaps(Odd(), batch(), classes=["<b>", "&amp;\n"])
    assert "<script>alert" not in view.to_html()
    ET.fromstring(view.to_svg())


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"sample": 9}, IndexError, "sample 9 is not in this batch of 4"),
        ({"target": 7}, IndexError, "target 7 is not one of the 5 outputs"),
        ({"layers": ["conv"]}, KeyError, "no layer 'conv' in this model; its layers are: 0, 1"),
        ({"loss": lambda out: out}, ValueError, "a tensor with one number"),
        ({"maps": 0}, ValueError, "maps must be at least 1"),
    ],
)
def test_bad_input_is_named(settings: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        FeatureMaps(net(), batch(), **settings)
