"""Optimisers that count their steps on the device: kernels for any number of tensors, and steps inside a CUDA graph.

g++ runs the kernels on the CPU, in shuffled orders. No GPU code is executed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.gpu.rule_steps import RULES
from tests.optim.runs import CAPTURABLE_CASES as CASES
from tests.optim.runs import label, numbers
from tests.strict_machine import here

from .run_kernel import needs_compiler
from .test_together import trained

pytestmark = [
    needs_compiler,
    pytest.mark.usefixtures("machine"),
    pytest.mark.filterwarnings("ignore:This instance was constructed with capturable"),
]
SHAPES = [(3, 4), (), (2500,)]  # the last needs two blocks
# With foreach=False CuPy's functions do it, tensor by tensor: tests/optim/test_capturable.py.
BY_KERNEL = [(name, options) for name, options in CASES if options.get("foreach") is not False]
TOLERANCE = {"float32": 5e-6, "float64": 1e-10, "float16": 2e-2, "bfloat16": 2e-1}


def made(name: str, options: dict[str, Any], device: str, dtype: str = "float32") -> tuple[list[Any], Any]:
    params = [torch.tensor(numbers(s, i), dtype=getattr(torch, dtype), device=device) for i, s in enumerate(SHAPES)]
    params = [p.requires_grad_() for p in params]
    return params, getattr(torch.optim, name)(params, **options)


def grads(params: list[Any], k: int) -> None:
    for i, p in enumerate(params):
        p.grad = torch.tensor(numbers(tuple(p.shape), 100 * k + i), dtype=p.dtype, device=p.device)


def after(name: str, options: dict[str, Any], device: str, dtype: str) -> tuple[list[Any], list[dict[str, int]]]:
    """Parameters and state after eight steps, and what each step launched."""
    params, optimizer = made(name, options, device, dtype)
    launched = []
    for k in range(8):
        grads(params, k)
        here.reset()
        optimizer.step()
        launched.append(dict(here.launches))
        assert k == 0 or not here.waits
    own = [value for p in params for _, value in sorted(optimizer.state[p].items())]
    return [t.detach().cpu().double().numpy() for t in (*params, *own)], launched


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("capturable", [False, True])
@pytest.mark.parametrize(("name", "options"), BY_KERNEL, ids=label)
def test_the_numbers_are_those_of_the_cpu(name: str, options: dict[str, Any], capturable: bool, dtype: str) -> None:
    wanted, _ = after(name, options, "cpu", dtype)
    found, _ = after(name, {**options, "capturable": capturable}, "cuda", dtype)
    # Counts and what follows from them are kept in float32 beside parameters of any type.
    tolerance = max(TOLERANCE[dtype], 2e-6)
    for ours, cpu in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, cpu, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", RULES)
def test_sixteen_bits(name: str, dtype: str) -> None:
    cls = {n.lower(): n for n, _ in CASES}[name]
    wanted, _ = after(cls, {"eps": 1e-2} if name not in ("asgd", "rprop") else {}, "cpu", dtype)
    found, launched = after(
        cls, {"eps": 1e-2, "capturable": True} if name not in ("asgd", "rprop") else {"capturable": True}, "cuda", dtype
    )
    assert launched[-1][name] == 1
    for ours, cpu in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, cpu, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float64", "float16"])
@pytest.mark.parametrize("name", ["NAdam", "ASGD"])
def test_numbers_of_a_loaded_state_may_be_of_another_type(name: str, dtype: str) -> None:
    """As in PyTorch they are loaded in their parameter's type, and the count is not."""
    found: list[Any] = []
    plain: dict[str, Any] = {"eps": 1e-2} if name == "NAdam" else {}
    for device, more in (("cpu", plain), ("cuda", plain), ("cuda", {**plain, "capturable": True})):
        params, optimizer = made(name, more, device, dtype)
        for k in range(4):
            grads(params, k)
            optimizer.step()
            if k == 1:
                state = optimizer.state_dict()
                optimizer = getattr(torch.optim, name)(params, **more)
                optimizer.load_state_dict(state)
                kinds = {str(v.dtype) for v in optimizer.state[params[0]].values()}
                assert kinds == {"torch.float32", f"torch.{dtype}"}
        found.append([p.detach().cpu().double().numpy() for p in params])
    for ours in found[1:]:
        for one, cpu in zip(ours, found[0], strict=True):
            np.testing.assert_allclose(one, cpu, rtol=TOLERANCE[dtype] + 1e-5, atol=TOLERANCE[dtype] + 1e-5)


COUNTED = {"nadam": "nadam_numbers", "asgd": "asgd_numbers"}


@pytest.mark.parametrize(("name", "options"), [c for c in BY_KERNEL if c[0].lower() in RULES], ids=label)
def test_two_launches_for_any_number_of_tensors(name: str, options: dict[str, Any]) -> None:
    kernel = name.lower()
    _, launched = after(name, {**options, "capturable": True}, "cuda", "float32")
    assert launched[1:] == [{kernel: 1, COUNTED.get(kernel, "count"): 1}] * 7
    assert after(name, options, "cuda", "float32")[1][1:] == [{kernel: 1}] * 7


def captured_or_not(name: str, options: dict[str, Any], captured: bool) -> list[Any]:
    """Parameters after eight steps, the last six of them as a CUDA graph if `captured`."""
    rate = torch.tensor(0.1, device="cuda")
    held = {k: v for k, v in options.items() if k != "lr"}
    params, optimizer = made(name, {**held, "lr": rate, "capturable": True}, "cuda")
    found = trained(params, optimizer, rate, 6, captured)
    assert [optimizer.state[p]["step"].item() for p in params] == [8.0] * len(SHAPES)
    return found


@pytest.mark.parametrize(("name", "options"), CASES, ids=label)
def test_a_captured_step_trains_as_the_step_does(name: str, options: dict[str, Any]) -> None:
    ways = (captured_or_not(name, options, captured) for captured in (True, False))
    for ours, plain in zip(*ways, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", sorted({n for n, _ in CASES}))
def test_without_it_a_capture_is_refused(name: str) -> None:
    params, optimizer = made(name, {}, "cuda")
    grads(params, 0)
    optimizer.step()
    with (
        pytest.raises(
            RuntimeError, match=f"CUDA graph capture of step\\(\\) for an instance of {name} but param_groups"
        ),
        torch.cuda.graph(torch.cuda.CUDAGraph()),
    ):
        optimizer.step()


def test_a_rule_of_ones_own_is_not_what_the_kernel_does() -> None:
    class Still(torch.optim.RAdam):
        def _rule(self, F: Any, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
            p += 1

    p = torch.zeros(3, device="cuda", requires_grad=True)
    p.grad = torch.ones(3, device="cuda")
    Still([p]).step()
    assert p.tolist() == [1.0] * 3
