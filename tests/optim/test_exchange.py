"""States that cross between here and PyTorch, both ways, and training that goes on as if nothing had happened."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import gradviz
from tests.optim.runs import CASES, OPTIONS, label, parameters, run, shapes_of

torch = pytest.importorskip("torch")


def carried(value: Any, to: Any) -> Any:
    """The same with its tensors made anew in the other library, of the same type and shape."""
    if hasattr(value, "detach"):
        array = value.detach().numpy()
        return to.tensor(array.tolist(), dtype=getattr(to, str(value.dtype).split(".")[-1]))
    if isinstance(value, dict):
        return {k: carried(v, to) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(carried(v, to) for v in value)
    return value


@pytest.mark.parametrize(("start", "end"), [(torch, gradviz), (gradviz, torch)], ids=["from torch", "to torch"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=label)
def test_exchanged(name: str, options: dict[str, Any], start: Any, end: Any) -> None:
    shapes = shapes_of(name)
    params = parameters(start, shapes)
    optimizer = getattr(start.optim, name)(params, **options)
    run(optimizer, start, params, range(5))
    state = carried(copy.deepcopy(optimizer.state_dict()), end)
    others = [carried(p, end).requires_grad_() for p in params]
    other = getattr(end.optim, name)(others)
    other.load_state_dict(state)
    run(optimizer, start, params, range(5, 9))
    run(other, end, others, range(5, 9))
    for a, b in zip(params, others, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)
    assert repr(optimizer) == repr(other)


@pytest.mark.parametrize("name", [n for n in OPTIONS if n not in ("Muon", "SGD")])
def test_a_count_of_steps_that_is_no_tensor(name: str) -> None:
    """As PyTorch saved it at first, without the options that came later."""
    results = []
    for lib in (gradviz, torch):
        params = parameters(lib, [(2, 3)])
        optimizer = getattr(lib.optim, name)(params)
        run(optimizer, lib, params, range(3))
        state = copy.deepcopy(optimizer.state_dict())
        for own in state["state"].values():
            own["step"] = int(own["step"])
        for option in ("foreach", "maximize", "capturable", "differentiable", "fused"):
            state["param_groups"][0].pop(option, None)
        if name == "Adafactor":  # PyTorch asks for these two
            state["param_groups"][0].update(foreach=None, maximize=False)
        optimizer.load_state_dict(state)
        run(optimizer, lib, params, range(3, 6))
        results.append(params[0].detach().numpy())
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-6)


def test_steps_stay_float32_beside_float64_parameters() -> None:
    kinds = []
    for lib in (gradviz, torch):
        params = parameters(lib, [(2,)], "float64")
        optimizer = lib.optim.Adam(params)
        run(optimizer, lib, params, range(2), "float64")
        optimizer.load_state_dict(optimizer.state_dict())
        kinds.append({k: str(v.dtype).split(".")[-1] for k, v in optimizer.state[params[0]].items()})
    assert kinds[0] == kinds[1]
