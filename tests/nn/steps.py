"""One step of training of a layer built from code, with any library and on any device, and how two of them compare."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np


def build(lib: Any, code: str) -> Any:
    return eval(code, {"torch": lib, "nn": lib.nn, "OrderedDict": OrderedDict})


def inputs(lib: Any, wanted: list[Any], dtype: Any) -> list[Any]:
    rng = np.random.RandomState(0)
    made = []
    for shape in wanted:
        if isinstance(shape, str):
            value = build(lib, shape)
        elif shape[0] < 0:
            value = lib.from_numpy(rng.randint(-shape[0], size=shape[1:]))
        else:
            value = lib.from_numpy(rng.randn(*shape).astype("float32")).to(dtype).requires_grad_()
        made.append(value)
    return made


def flat(out: Any) -> list[Any]:
    return list(out) if isinstance(out, tuple) else [out]


def host(x: Any) -> np.ndarray:
    return np.asarray(x.detach().cpu().numpy())


def same(got: Any, want: Any, what: str, rtol: float = 2e-5) -> None:
    assert str(got.dtype) == str(want.dtype), what
    np.testing.assert_allclose(host(got), host(want), rtol=rtol, atol=rtol, err_msg=what)


def train(lib: Any, code: str, wanted: list[Any], device: Any = None) -> tuple[Any, ...]:
    """The layer after one step of training, its outputs, the gradients of its inputs, its outputs in evaluation."""
    lib.manual_seed(5)
    layer = build(lib, code)
    kind = next((p.dtype for p in layer.parameters()), lib.float32)
    args = inputs(lib, wanted, kind)
    if device is not None:
        layer.to(device)
        args = [a.detach().to(device).requires_grad_(a.requires_grad) if hasattr(a, "to") else a for a in args]
    outs = flat(layer(*args))
    lib.manual_seed(9)
    loss = sum((o * lib.rand(tuple(o.shape), dtype=o.dtype).to(o.device)).sum() for o in outs if o.requires_grad)
    loss.backward()
    layer.eval()
    return layer, outs, [getattr(a, "grad", None) for a in args], flat(layer(*args))


def compare(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> None:
    (layer, outs, grads, calm), (model, want_outs, want_grads, want_calm) = ours, theirs
    assert repr(layer) == repr(model)
    assert list(layer.state_dict()) == list(model.state_dict())
    assert layer.state_dict()._metadata == model.state_dict()._metadata
    for key, want in model.state_dict().items():
        same(layer.state_dict()[key], want, key, 1e-5)
    for key, want in model.named_parameters():
        got = layer.get_parameter(key)
        if want.grad is None:
            assert got.grad is None, key
        else:
            same(got.grad, want.grad, f"gradient of {key}", 2e-4)
    for got, want in zip(outs, want_outs, strict=True):
        same(got, want, "output", 5e-5)
    for got, want in zip(calm, want_calm, strict=True):
        same(got, want, "output in evaluation mode", 5e-5)
    for i, (got, wanted) in enumerate(zip(grads, want_grads, strict=True)):
        if wanted is not None:
            same(got, wanted, f"gradient of input {i}", 2e-4)
