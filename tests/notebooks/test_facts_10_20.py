"""What the prose of lessons 10 and 20 states, with the real PyTorch."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the lessons are not compared with it")

pytestmark = pytest.mark.oracle


def grad(fn: Any, at: float) -> float:
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    fn(x).backward()
    return float(x.grad)


def test_the_root_has_an_infinite_factor_at_zero_and_infinity_times_zero_is_nan() -> None:
    assert grad(torch.sqrt, 4.0) == pytest.approx(1 / (2 * math.sqrt(4.0)))
    assert grad(torch.sqrt, 0.0) == math.inf
    assert math.isnan(grad(lambda x: torch.sqrt(x * x), 0.0))
    assert grad(lambda x: torch.sqrt(x * x + 1e-12), 0.0) == 0


def test_ways_to_make_a_nan() -> None:
    for made in (0.0 * math.inf, math.inf - math.inf, math.inf / math.inf):
        assert math.isnan(made)
    zero = torch.zeros(())
    assert torch.isnan(zero / zero)
    assert torch.isnan(torch.sqrt(torch.tensor(-1e-9)))
    assert torch.isnan(torch.log(torch.tensor(-1e-9)))
    assert math.isnan(grad(lambda x: 0 * torch.log(x), 0.0))


def test_a_model_under_silent_broadcasting_learns_the_mean() -> None:
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 8)[:, None]
    y = 3 * x[:, 0] + 1
    layer = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.3)
    for _ in range(300):
        optimizer.zero_grad()
        ((layer(x) - y) ** 2).mean().backward()
        optimizer.step()
    assert layer(x).detach().flatten().tolist() == pytest.approx([float(y.mean())] * 8, abs=1e-4)


def test_a_hook_that_returns_something_replaces_the_gradient() -> None:
    x = torch.tensor(1.0, requires_grad=True)
    y = 2 * x
    y.register_hook(lambda g: 10 * g)
    y.backward()
    assert x.grad.item() == 20


def test_losses_of_lesson_10() -> None:
    torch.manual_seed(0)
    z, t = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    by_hand = -sum(math.log(math.exp(z[i, t[i]]) / sum(math.exp(v) for v in z[i])) for i in range(5)) / 5
    assert torch.nn.functional.cross_entropy(z, t).item() == pytest.approx(by_hand, rel=1e-5)
    a, b = torch.randn(6), torch.randn(6)
    mse = sum((p - q) ** 2 for p, q in zip(a.tolist(), b.tolist(), strict=True)) / 6
    assert torch.nn.functional.mse_loss(a, b).item() == pytest.approx(mse, rel=1e-5)


@pytest.mark.parametrize(("place", "moves"), [(0, True), (1, True), (2, False), (3, True)])
def test_where_zero_grad_may_stand(place: int, moves: bool) -> None:
    """Before the forward run, after it, between backward and step, and after the step."""
    theta = torch.tensor(0.0, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=0.1)
    for _ in range(3):
        names: dict[str, Any] = {}
        lines = [
            lambda names=names: names.update(loss=(theta - 2) ** 2),
            lambda names=names: names["loss"].backward(),
            optimizer.step,
        ]
        lines.insert(place, optimizer.zero_grad)
        for line in lines:
            line()
    assert theta.item() == pytest.approx(2 - 2 * 0.8**3 if moves else 0.0, abs=1e-6)
