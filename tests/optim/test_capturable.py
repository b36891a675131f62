"""`capturable=True`, by which an optimiser counts its steps where its parameters are."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import gradviz
from tests.nn.both import both
from tests.optim.runs import CAPTURABLE, CAPTURABLE_CASES, OPTIONS, label, numbers
from tests.optim.test_strict_device import leaves

torch = pytest.importorskip("torch")


def test_it_is_an_option_of_those_that_pytorch_has_it_for() -> None:
    named = [n for n in OPTIONS if "capturable" in inspect.signature(getattr(torch.optim, n)).parameters]
    assert named == CAPTURABLE


@pytest.mark.parametrize("options", [{}, {"foreach": True}, {"foreach": False}], ids=label)
@pytest.mark.parametrize("name", CAPTURABLE)
def test_it_is_for_devices_that_capture(name: str, options: dict[str, Any]) -> None:
    def program(lib: Any) -> Any:
        w = lib.ones(2, requires_grad=True)
        w.grad = lib.ones(2)
        optimizer = getattr(lib.optim, name)([w], capturable=True, **options)
        optimizer.step()
        return w.detach()

    both(program)


@pytest.mark.parametrize("options", [{"amsgrad": True}, {"fused": True}], ids=label)
def test_so_it_is_with_adams_options(options: dict[str, Any]) -> None:
    test_it_is_for_devices_that_capture("Adam", options)


def after(name: str, options: dict[str, Any], dtype: Any, saves: bool) -> list[Any]:
    """Parameters and state after some steps on the stand-in, which has no kernels: each tensor by itself."""
    params = leaves([(3, 4), (), (40, 30)], "strict", dtype)
    optimizer = getattr(gradviz.optim, name)(params, **options)
    for step in range(6):
        for i, p in enumerate(params):
            p.grad = gradviz.tensor(numbers(tuple(p.shape), step + i, str(dtype)), dtype=dtype).to("strict")
        optimizer.step()
        if saves and step == 2:
            state = optimizer.state_dict()
            optimizer = getattr(gradviz.optim, name)(params, **options)
            optimizer.load_state_dict(state)
    kept = [own[n] for own in optimizer.state.values() for n in sorted(own)]
    where = {str(own[n].device) for own in optimizer.state.values() for n in optimizer.numbers}
    assert where == ({"strict"} if options.get("capturable") else {"cpu"} if not saves else where)
    return [t.detach().cpu().numpy() for t in (*params, *kept)]


@pytest.mark.parametrize("dtype", [gradviz.float32, gradviz.complex64], ids=str)
@pytest.mark.parametrize(("name", "options"), CAPTURABLE_CASES, ids=label)
def test_the_numbers_are_the_same(name: str, options: dict[str, Any], dtype: Any) -> None:
    for saves in (False, True):
        wanted, found = (after(name, {**options, **more}, dtype, saves) for more in ({}, {"capturable": True}))
        for ours, plain in zip(found, wanted, strict=True):
            # 1 - 0.999^t is worked out in single precision, as PyTorch does it.
            np.testing.assert_allclose(ours, plain, rtol=1e-3, atol=2e-4)
