"""What is done to all tensors of a network at once: steps, norms, clipping, unscaling, clearing.

However many tensors there are, the number of launches is the same, and the host waits for none of them. No GPU code is
executed.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.gpu import table
from tests.strict_machine import here

from .run_kernel import needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]
TOLERANCE = {"float32": 1e-5, "float64": 1e-12, "float16": 2e-3, "bfloat16": 2e-2}


def parameters(count: int, device: str, dtype: Any = None, seed: int = 0) -> list[Any]:
    """Parameters of many shapes with gradients; a few are empty, and one takes several blocks."""
    draw = np.random.default_rng(seed)
    shapes: list[tuple[int, ...]] = [(5000,), *((i % 4, 3) for i in range(count - 1))]
    made = []
    for shape in shapes:
        value, grad = draw.standard_normal((2, *shape))
        p = torch.tensor(value, dtype=dtype or torch.float32, device=device, requires_grad=True)
        p.grad = torch.tensor(grad, dtype=p.dtype, device=device)
        made.append(p)
    return made


def launched() -> dict[str, int]:
    """Calls that compute since `here.reset()`."""
    return dict(here.launches)


# -- any number of tensors ---------------------------------------------------------------------------------------------
OPTIMISERS: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("SGD", {}, {"sgd": 1}), ("SGD", {"momentum": 0.9}, {"sgd": 1}), ("SGD", {"foreach": True}, {"sgd": 1}),
    ("Adam", {}, {"adam": 1}), ("Adam", {"fused": True}, {"adam": 1, "count_steps": 1}),
    ("AdamW", {"amsgrad": True}, {"adam": 1}), ("AdamW", {"capturable": True}, {"adam": 1, "count_steps": 1}),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:This instance was constructed with capturable")
@pytest.mark.parametrize("count", [1, 13, 700])
@pytest.mark.parametrize(("name", "options", "wanted"), OPTIMISERS, ids=[f"{n} {o}" for n, o, _ in OPTIMISERS])
def test_a_step_is_the_same_number_of_launches_for_any_number_of_tensors(
    name: str, options: dict[str, Any], wanted: dict[str, int], count: int
) -> None:
    params = parameters(count, "cuda")
    optimizer = getattr(torch.optim, name)(params, lr=0.01, **options)
    optimizer.step()
    for _ in range(2):
        here.reset()
        optimizer.step()
        assert launched() == wanted
        assert not here.waits
    own = [p.data_ptr() for p in params]
    optimizer.step()
    assert own == [p.data_ptr() for p in params]


def test_gradients_may_lie_elsewhere_in_every_step() -> None:
    ours, theirs = parameters(20, "cuda"), parameters(20, "cpu")
    pair = [torch.optim.SGD(params, lr=0.1, momentum=0.9) for params in (ours, theirs)]
    kept = []
    for k in range(4):
        for params in (ours, theirs):
            for p, q in zip(params, parameters(20, "cpu", seed=k), strict=True):
                kept.append(p.grad)  # so that the next one cannot have its place
                p.grad = q.grad.to(p.device)
        for optimizer in pair:
            optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().cpu().numpy(), q.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_a_table_is_made_once_while_nothing_moves() -> None:
    params = parameters(5, "cuda")
    optimizer = torch.optim.Adam(params)
    optimizer.step()
    before = list(table._kept)
    for _ in range(3):
        optimizer.step()
    assert list(table._kept) == before
    for _ in range(table.KEPT + 5):
        params[0].grad = params[0].grad.clone() + 1
        optimizer.step()
    assert len(table._kept) <= table.KEPT


def trained(params: list[Any], optimizer: Any, rate: Any, steps: int, captured: bool) -> list[Any]:
    """Parameters after two steps, and after more with a falling learning rate: those as a CUDA graph if `captured`."""

    def step(x: Any) -> Any:
        optimizer.zero_grad(set_to_none=False)
        loss = sum((p * p * x).sum() for p in params)
        loss.backward()
        optimizer.step()
        return loss

    one, take = torch.ones((), device="cuda"), step
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if captured:
            take = torch.cuda.make_graphed_step(step, (one,), num_warmup_iters=2)
        else:
            step(one), step(one)
        for k in range(steps):
            take(torch.tensor(k + 1.0, device="cuda"))
            rate.mul_(0.5)  # a schedule: the graph reads it anew
    return [p.detach().cpu().numpy() for p in params]


# -- capturable and fused ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{}, {"amsgrad": True, "maximize": True}, {"weight_decay": 0.1}], ids=str)
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_a_captured_step_of_adam_counts_its_steps(name: str, options: dict[str, Any]) -> None:
    def run(captured: bool) -> list[Any]:
        params, rate = parameters(4, "cuda"), torch.tensor(0.1, device="cuda")
        optimizer = getattr(torch.optim, name)(params, lr=rate, capturable=True, **options)
        found = trained(params, optimizer, rate, 3, captured)
        assert [optimizer.state[p]["step"].item() for p in params] == [5.0] * 4
        return found

    for a, b in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_capturable_warns_once_where_nothing_is_captured() -> None:
    optimizer = torch.optim.Adam(parameters(2, "cuda"), capturable=True)
    with pytest.warns(UserWarning, match="is running without CUDA graph capture"):
        optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()


@pytest.mark.parametrize("options", [{"foreach": False}, {"fused": False}], ids=str)
def test_capturable_without_the_kernel(options: dict[str, Any]) -> None:
    """Each tensor by itself, by CuPy's functions: the same numbers, and steps are counted on the device too."""
    found = []
    for more in ({}, {"capturable": True}):
        params = parameters(3, "cuda", torch.float64)
        optimizer = torch.optim.Adam(params, lr=0.1, **options, **more)
        optimizer._warned_capturable_if_run_uncaptured = True
        for _ in range(3):
            optimizer.step()
        found.append([p.detach().cpu().numpy() for p in params])
    assert str(optimizer.state[params[0]]["step"].device) == "cuda:0"
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)  # 1 - 0.999^t in single precision, as in PyTorch


def test_parameters_that_the_kernel_is_not_for() -> None:
    """Complex ones, and some not in one piece: their steps are counted one by one."""
    found = []
    for device in ("cpu", "cuda"):
        plain = torch.arange(6.0, device=device).reshape(2, 3).clone()
        turned = torch.arange(6.0, device=device).reshape(2, 3).mT.contiguous().mT.detach()
        complex_ = torch.tensor([1 + 2j, 3j], device=device)
        params = [p.requires_grad_() for p in (plain, turned, complex_)]
        optimizer = torch.optim.Adam(params, lr=0.1, fused=True)
        for _ in range(2):
            for p in params:
                p.grad = torch.ones_like(p)
            optimizer.step()
        found.append([p.detach().cpu().numpy() for p in params])
        assert [optimizer.state[p]["step"].item() for p in params] == [2.0] * 3
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_where_steps_are_counted_is_kept_by_state_dicts() -> None:
    def made(**options: Any) -> tuple[list[Any], Any]:
        params = parameters(2, "cuda")
        optimizer = torch.optim.Adam(params, **options)
        optimizer._warned_capturable_if_run_uncaptured = True
        optimizer.step()
        return params, optimizer

    _, plain = made()
    assert {str(s["step"].device) for s in plain.state.values()} == {"cpu"}
    for option in ("fused", "capturable"):
        params, there = made(**{option: True})
        saved = there.state_dict()
        assert list(saved["state"][0]) == ["step", "exp_avg", "exp_avg_sq"]
        assert {str(s["step"].device) for s in saved["state"].values()} == {"cuda:0"}
        again = copy.deepcopy(plain.state_dict())
        again["param_groups"][0][option] = True
        there.load_state_dict(again)  # as PyTorch does: what was saved says where steps are counted
        there.step()
        assert [str(there.state[p]["step"].device) for p in params] == ["cuda:0"] * 2
        assert [there.state[p]["step"].item() for p in params] == [2.0] * 2


# -- GradScaler --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
@pytest.mark.parametrize("first", [True, False], ids=["unscale_ first", "at once"])
def test_a_fused_step_divides_and_skips_without_waiting(name: str, first: bool) -> None:
    losses = [1.0, float("inf"), 2.0, float("nan"), 3.0]

    def run(device: str) -> list[Any]:
        params = parameters(15, device)
        options = {"momentum": 0.9} if name == "SGD" else {}
        optimizer = getattr(torch.optim, name)(params, lr=0.1, fused=True, **options)
        scaler = torch.amp.GradScaler(device, init_scale=8.0, growth_interval=2)
        for factor in losses:
            optimizer.zero_grad()
            scaler.scale(sum((p * p).sum() for p in params) * factor).backward()
            here.reset()
            if first:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
            if device == "cuda":
                assert not here.waits
                assert {n: k for n, k in launched().items() if n in ("sgd", "adam", "count_steps", "unscale")} == {
                    "unscale": 1, **({"sgd": 1} if name == "SGD" else {"adam": 1, "count_steps": 1}),
                }  # fmt: skip
        if name != "SGD":
            assert {optimizer.state[p]["step"].item() for p in params} == {3.0}
        return [torch.tensor(scaler.get_scale()), *params, *(p.grad for p in params)]

    for a, b in zip(run("cuda"), run("cpu"), strict=True):
        np.testing.assert_allclose(a.detach().cpu().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)


# -- norms -------------------------------------------------------------------------------------------------------------
ORDERS = [2.0, 1.0, float("inf"), 3.0]


def clipped(device: str, order: float, dtype: Any, foreach: bool | None, most: float) -> tuple[Any, list[Any]]:
    params = [p for p in parameters(40, device, dtype) if p.numel() or order != float("inf")]
    here.reset()
    total = torch.nn.utils.clip_grad_norm_(params, most, order, foreach=foreach)
    return total.cpu().double().numpy(), [p.grad.cpu().double().numpy() for p in params]


@pytest.mark.parametrize("most", [0.5, 1e4])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("order", ORDERS)
def test_clipping_to_a_norm(order: float, dtype: str, most: float) -> None:
    kind = getattr(torch, dtype)
    total, grads = clipped("cuda", order, kind, None, most)
    assert launched() == {"norm_parts": 1, "norm_of_parts": 1, "clip": 1}
    assert dict(here.waits) == {"get": 1 + len(grads)}  # the test's own
    want, apart = clipped("cpu", order, kind, None, most)
    np.testing.assert_allclose(total, want, rtol=TOLERANCE[dtype])
    for a, b in zip(grads, apart, strict=True):
        np.testing.assert_allclose(a, b, rtol=2 * TOLERANCE[dtype], atol=TOLERANCE[dtype] * 1e-2)
    slow, _ = clipped("cuda", order, kind, False, most)
    np.testing.assert_allclose(slow, want, rtol=TOLERANCE[dtype])
    assert not here.launches["norm_parts"]


@pytest.mark.parametrize("order", [*ORDERS, 0.0, -1.0, float("-inf")])
@pytest.mark.parametrize("bad", [None, "nan", "inf", "-inf"])
def test_norms_of_what_is_not_finite(order: float, bad: str | None) -> None:
    found = []
    for device in ("cpu", "cuda"):
        grads = [torch.tensor(v, device=device) for v in ([1.0, -2.0], [0.0, 3.0, float(bad or 4)])]
        found.append(torch.nn.utils.get_total_norm(grads, order).item())
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


def test_norms_over_types_and_devices() -> None:
    where = (("cuda:0", "float32"), ("cuda:1", "float32"), ("cuda:0", "float16"), ("cuda:0", "complex64"))
    found = []
    for places in (where, [("cpu", kind) for _, kind in where]):
        params = []
        for device, kind in places:
            p = torch.zeros(3, dtype=getattr(torch, kind), device=device, requires_grad=True)
            p.grad = torch.arange(1, 4, device=device).to(p.dtype)
            params.append(p)
        total = torch.nn.utils.clip_grad_norm_(params, 1.0)
        found.append([total.item(), *(p.grad.cpu().tolist() for p in params)])
        assert str(total.device) == places[0][0]
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-3)
    for a, b in zip(found[0][1:], found[1][1:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3)


def test_a_gradient_that_is_not_finite_is_refused_where_asked() -> None:
    params = parameters(3, "cuda")
    params[2].grad[...] = float("nan")
    with pytest.raises(
        RuntimeError, match=r"The total norm of order 2\.0 for gradients from `parameters` is non-finite"
    ):
        torch.nn.utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    torch.nn.utils.clip_grad_norm_(params, 1.0)
    assert np.isnan(params[0].grad.cpu().numpy()).all()


# -- gradients that keep their memory ----------------------------------------------------------------------------------
def test_gradients_are_cleared_at_once() -> None:
    params = parameters(30, "cuda")
    places, versions = [p.grad.data_ptr() for p in params], [p.grad._version for p in params]
    here.reset()
    torch.optim.SGD(params).zero_grad(set_to_none=False)
    assert launched() == {"clear": 1}
    assert [p.grad.data_ptr() for p in params] == places
    assert all(p.grad._version > v for p, v in zip(params, versions, strict=True))
    assert not any(p.grad.any().item() for p in params)
