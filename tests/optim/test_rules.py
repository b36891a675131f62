"""Every optimiser with its options beside PyTorch's: parameters, state, printing, types, long runs, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz
from tests.nn.both import both
from tests.optim.runs import CASES, OPTIONS, label, numbers, parameters, run, shapes_of

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(("name", "options"), CASES, ids=label)
def test_options(name: str, options: dict[str, Any]) -> None:
    def program(lib: Any) -> Any:
        params = parameters(lib, shapes_of(name))
        optimizer = getattr(lib.optim, name)([{"params": params[:1]}, {"params": params[1:], "lr": 0.05}], **options)
        run(optimizer, lib, params, range(8))
        return params, optimizer.state_dict(), repr(optimizer)

    both(program)


@pytest.mark.parametrize("name", OPTIONS)
def test_long_runs_agree(name: str) -> None:
    """After 400 steps, for small arrays, which are worked on together, and for large ones, which are not."""
    shapes = [(30, 50), (4, 3)] if name == "Muon" else [(30, 50), (4, 3), (7,), (), (2000,)]

    def after(lib: Any) -> list[Any]:
        params = parameters(lib, shapes)
        optimizer = getattr(lib.optim, name)(params)
        for step in range(400):
            for i, p in enumerate(params):
                p.grad = p.detach() * 0.1 + lib.tensor(numbers(shapes[i], step % 50 + i), dtype=lib.float32)
            optimizer.step()
        return [p.detach().numpy() for p in params]

    # Muon rounds to bfloat16 on its way
    tolerance = 2e-3 if name == "Muon" else 1e-5
    for ours, theirs in zip(after(gradviz), after(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "complex64", "complex128"])
@pytest.mark.parametrize("name", [n for n in OPTIONS if n not in ("Adafactor", "Muon")])
def test_types(name: str, dtype: str) -> None:
    def program(lib: Any) -> Any:
        params = parameters(lib, [(3, 2), (4,), ()], dtype)
        options: dict[str, Any] = {} if name == "Rprop" else {"weight_decay": 0.1}
        if name == "Adagrad":
            options["initial_accumulator_value"] = 0.5
        optimizer = getattr(lib.optim, name)(params, **options)
        run(optimizer, lib, params, range(5), dtype)
        return params, optimizer.state_dict()

    both(program)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", OPTIONS)
def test_half_types(name: str, dtype: str) -> None:
    """As close as the type resolves; the state stays in it."""

    def after(lib: Any) -> Any:
        params = parameters(lib, [(3, 4), (5, 2)], dtype)
        optimizer = getattr(lib.optim, name)(
            params, **({} if name in ("Adafactor", "Muon", "Rprop", "SGD") else {"lr": 0.01})
        )
        run(optimizer, lib, params, range(8), dtype)
        kinds = [str(v.dtype).split(".")[-1] for v in optimizer.state[params[0]].values()]
        return [p.detach().float().numpy() for p in params], kinds

    (ours, our_kinds), (theirs, their_kinds) = after(gradviz), after(torch)
    assert our_kinds == their_kinds
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2**-6, atol=2**-7)


@pytest.mark.parametrize("name", OPTIONS)
def test_defaults_and_a_rate_that_is_a_tensor(name: str) -> None:
    def program(lib: Any) -> Any:
        params = parameters(lib, [(3, 2)])
        optimizer = getattr(lib.optim, name)(params, lr=lib.tensor(0.02))
        run(optimizer, lib, params, range(3))
        return params, optimizer.defaults, optimizer.state_dict()["state"]

    both(program)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_parameter_given_twice_is_changed_twice(name: str) -> None:
    def program(lib: Any) -> Any:
        (p,) = parameters(lib, [(3, 2)])
        optimizer = getattr(lib.optim, name)([p, p])
        run(optimizer, lib, [p], range(4))
        return p, optimizer.state_dict()

    both(program)


@pytest.mark.parametrize("name", OPTIONS)
def test_together_or_one_at_a_time_is_the_same_to_the_bit(name: str) -> None:
    shapes = [(3, 4), (5, 2), (1, 1), (6, 7)]
    results = []
    for foreach in (False, None):
        params = parameters(gradviz, shapes)
        with_view = params[0].detach().t().requires_grad_()
        params[0] = with_view
        optimizer = getattr(gradviz.optim, name)(params)
        for group in optimizer.param_groups:
            group["foreach"] = foreach
        run(optimizer, gradviz, params, range(6))
        results.append([p.detach().numpy().tobytes() for p in params])
    assert results[0] == results[1]


BAD = {
    "Adadelta": [{"lr": -1}, {"rho": 1.1}, {"eps": -1}, {"weight_decay": -1}],
    "Adafactor": [
        {"lr": -1},
        {"beta2_decay": 1},
        {"eps": (-1, 0)},
        {"eps": (None, -1)},
        {"d": 0.5},
        {"weight_decay": -1},
    ],
    "Adagrad": [
        {"lr": -1},
        {"lr_decay": -1},
        {"eps": -1},
        {"initial_accumulator_value": -1},
        {"fused": 1, "foreach": 1},
    ],
    "Adam": [{"lr": -1}, {"betas": (0, 0.9)}, {"betas": (1.0, 0.9)}, {"eps": float("nan")}],
    "Adamax": [{"lr": -1}, {"eps": -1}, {"betas": (1.0, 0.9)}, {"betas": (0.9, -1)}, {"weight_decay": -1}],
    "ASGD": [{"lr": -1}, {"weight_decay": -1}],
    "LBFGS": [{"lr": -1}],
    "Muon": [{"lr": -1}, {"momentum": -1}, {"weight_decay": -1}, {"adjust_lr_fn": "spam"}, {"foreach": True}],
    "NAdam": [{"lr": -1}, {"momentum_decay": -1}, {"betas": (0.9, 1.0)}],
    "RAdam": [{"lr": -1}, {"eps": -1}, {"weight_decay": -1}],
    "RMSprop": [{"lr": -1}, {"alpha": -1}, {"momentum": -1}, {"eps": -1}],
    "Rprop": [{"lr": -1}, {"etas": (1.5, 1.2)}, {"etas": (0.5, 0.9)}],
}


@pytest.mark.parametrize(("name", "options"), [(n, o) for n, all_of_it in BAD.items() for o in all_of_it], ids=label)
def test_errors(name: str, options: dict[str, Any]) -> None:
    both(lambda lib: getattr(lib.optim, name)([lib.ones(2, 2, requires_grad=True)], **options) and None)


@pytest.mark.parametrize("name", [*OPTIONS, "LBFGS"])
def test_errors_of_all(name: str) -> None:
    both(lambda lib: getattr(lib.optim, name)([lib.ones(2, 2, requires_grad=True)], lr=lib.ones(2)) and None)
    both(lambda lib: getattr(lib.optim, name)([]) and None)
    both(lambda lib: getattr(lib.optim, name)([lib.ones(2, 2, requires_grad=True)], spam=1) and None)


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
def test_complex_parameters_are_refused(name: str) -> None:
    def program(lib: Any) -> Any:
        p = lib.ones(2, 2, dtype=lib.complex64, requires_grad=True)
        optimizer = getattr(lib.optim, name)([p])
        p.grad = lib.ones(2, 2, dtype=lib.complex64)
        optimizer.step()

    both(program)


def test_muon_takes_matrices_only() -> None:
    both(lambda lib: lib.optim.Muon([lib.ones(2, requires_grad=True)]) and None)


@pytest.mark.parametrize("name", [n for n in OPTIONS if n not in ("Adafactor", "Muon", "SGD", "Adagrad")])
def test_what_is_not_supported_is_refused_by_name(name: str) -> None:
    with pytest.raises(NotImplementedError, match="differentiable"):
        getattr(gradviz.optim, name)([gradviz.ones(1, requires_grad=True)], differentiable=True)
