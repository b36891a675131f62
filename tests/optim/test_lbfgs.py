"""LBFGS beside PyTorch's: with and without line search, its state, several parameters, complex numbers, stopping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core import events
from gradviz.optim.line_search import strong_wolfe
from tests.nn.both import both

pytest.importorskip("torch")


def rosenbrock(x: Any) -> Any:
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def quartic(x: Any) -> Any:
    return (x**4).sum() + ((x - 1) ** 2).sum()


def wave(x: Any) -> Any:
    return (x.sin() * 3 + x**2 * 0.1).sum()


def minimised(lib: Any, loss_of: Any, steps: int, dtype: str = "float64", **options: Any) -> Any:
    x = lib.tensor([-1.5, 2.0], dtype=getattr(lib, dtype), requires_grad=True)
    optimizer = lib.optim.LBFGS([x], **options)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = loss_of(x)
        loss.backward()
        return loss

    seen = [[optimizer.step(closure), x.detach().clone()] for _ in range(steps)]
    return seen, optimizer.state_dict()["state"], optimizer.state_dict()["param_groups"], repr(optimizer)


OPTIONS = [
    {}, {"lr": 0.1}, {"max_iter": 1}, {"max_iter": 4, "history_size": 2}, {"max_eval": 3}, {"tolerance_grad": 0.5},
    {"tolerance_change": 0.1},
    *({"line_search_fn": "strong_wolfe", **more} for more in (
        {}, {"lr": 0.1}, {"lr": 20.0}, {"max_iter": 3}, {"max_eval": 4}, {"max_eval": 2},
        {"history_size": 3, "max_iter": 4},
    )),
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("loss", [quartic, rosenbrock, wave], ids=lambda f: f.__name__)
def test_minimises_as_torch(loss: Any, options: dict[str, Any]) -> None:
    if loss is not quartic and "line_search_fn" not in options:
        options = {"lr": 0.002, **options}  # it would run away otherwise
    both(lambda lib: minimised(lib, loss, 3, **options))


@pytest.mark.parametrize("options", [{"lr": 0.1}, {"line_search_fn": "strong_wolfe"}], ids=str)
def test_float32(options: dict[str, Any]) -> None:
    both(lambda lib: minimised(lib, quartic, 2, "float32", **options)[0])


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_several_parameters(search: str | None) -> None:
    """One complex, one without a gradient; and a state that another optimiser takes over."""

    def program(lib: Any) -> Any:
        a = lib.tensor([[1.0, -2.0, 0.5], [3.0, 0.0, 1.0]], dtype=lib.float64, requires_grad=True)
        c = lib.tensor([1 + 2j, -1j], dtype=lib.complex128, requires_grad=True)
        s = lib.tensor(2.0, dtype=lib.float64, requires_grad=True)
        unused = lib.ones(2, dtype=lib.float64, requires_grad=True)
        optimizer = lib.optim.LBFGS([a, c, unused, s], lr=0.3, max_iter=3, line_search_fn=search)

        def closure() -> Any:
            optimizer.zero_grad()
            loss = ((a - 1) ** 4).sum() + (c - 1).abs().pow(2).sum() + (s * a[0, 0] - 3) ** 2
            loss.backward()
            return loss

        losses = [optimizer.step(closure)]
        state = optimizer.state_dict()
        optimizer = lib.optim.LBFGS([a, c, unused, s])
        optimizer.load_state_dict(state)
        losses += [optimizer.step(closure) for _ in range(2)]
        return losses, a, c, s, unused, optimizer.state_dict()["state"]

    both(program)


def test_errors() -> None:
    both(lambda lib: minimised(lib, quartic, 1, line_search_fn="spam"))
    both(lambda lib: lib.optim.LBFGS([{"params": [lib.ones(1, requires_grad=True)]} for _ in range(2)]) and None)
    both(lambda lib: lib.optim.LBFGS([lib.ones(1, requires_grad=True)]).step())


def test_hooks_and_observers() -> None:
    x = gradviz.tensor([1.0, 2.0], requires_grad=True)
    optimizer = gradviz.optim.LBFGS([x], max_iter=3)
    log: list[Any] = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: log.append("pre"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: log.append("post"))

    def closure() -> Any:
        optimizer.zero_grad()
        loss = quartic(x)
        loss.backward()
        return loss

    def watch(event: Any) -> None:
        if isinstance(event, events.OptimizerStep):
            log.append((event.param is x, event.before.tolist() == [1, 2], event.after is x._array))

    version = x._version
    with events.observe(watch):
        optimizer.step(closure)
    assert log == ["pre", (True, True, True), "post"]
    assert x._version > version


def test_the_step_lowers_the_loss_and_flattens_the_slope() -> None:
    for seed in range(30):
        centre, start = np.random.default_rng(seed).standard_normal((2, 4)) * 3
        d = np.asarray(centre - start)

        def at(t: Any, start: Any = start, centre: Any = centre, d: Any = d) -> Any:
            x = start + t * d - centre
            return float((x**4 + x**2 + np.sin(3 * x)).sum()), 4 * x**3 + 2 * x + 3 * np.cos(3 * x)

        f, g = at(0.0)
        slope = g @ d
        if slope < 0:
            new_f, new_g, t, _ = strong_wolfe(at, 1.0, d, f, g, slope, 25)
            assert new_f <= f + 1e-4 * t * slope
            assert abs(new_g @ d) <= -0.9 * slope
