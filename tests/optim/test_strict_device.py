"""Every optimiser on the stand-in for a GPU: the same numbers as on the CPU, and no NumPy call slipped in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz
from tests.optim.runs import CASES, label, numbers, shapes_of
from tests.strict_device import StrictArray, strict

strict()


def leaves(shapes: list[tuple[int, ...]], device: str, dtype: Any) -> list[Any]:
    made = [gradviz.tensor(numbers(s, i, str(dtype)), dtype=dtype).to(device) for i, s in enumerate(shapes)]
    return [p.requires_grad_() for p in made]


def after(name: str, options: dict[str, Any], device: str, dtype: Any = gradviz.float32) -> list[Any]:
    params = leaves([*shapes_of(name), (40, 30)], device, dtype)
    optimizer = getattr(gradviz.optim, name)(params, **options)
    for step in range(4):
        for i, p in enumerate(params):
            p.grad = gradviz.tensor(numbers(tuple(p.shape), step + i, str(dtype)), dtype=dtype).to(device)
        optimizer.step()
        state = optimizer.state_dict()
        optimizer = getattr(gradviz.optim, name)(params, **options)
        optimizer.load_state_dict(state)
    if device == "strict":
        assert all(type(p._array) is StrictArray for p in params)
    kept = [v for own in optimizer.state.values() for v in own.values()]
    return [t.detach().cpu().numpy() for t in (*params, *kept)]


@pytest.mark.parametrize(("name", "options"), CASES, ids=label)
def test_the_same_as_on_the_cpu(name: str, options: dict[str, Any]) -> None:
    for ours, cpu in zip(after(name, options, "strict"), after(name, options, "cpu"), strict=True):
        np.testing.assert_allclose(ours, cpu, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", [gradviz.complex64, gradviz.float16], ids=str)
def test_other_types(dtype: Any) -> None:
    for ours, cpu in zip(after("Adam", {}, "strict", dtype), after("Adam", {}, "cpu", dtype), strict=True):
        np.testing.assert_allclose(ours, cpu, rtol=1e-3)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs(search: str | None) -> None:
    results = []
    for device in ("strict", "cpu"):
        (x,) = leaves([(3, 2)], device, gradviz.float64)
        optimizer = gradviz.optim.LBFGS([x], lr=0.1, line_search_fn=search, max_iter=4)

        def closure(x: Any = x, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (x**4 + (x - 1) ** 2).sum()
            loss.backward()
            return loss

        losses = [float(optimizer.step(closure)) for _ in range(2)]
        results.append([*losses, *x.detach().cpu().flatten().tolist()])
    assert results[0] == pytest.approx(results[1])
