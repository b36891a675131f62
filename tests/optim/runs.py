"""Programs that the tests of all optimisers share."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradviz

# Every optimiser whose step needs no closure, and the options that change what it does.
COMMON = [{}, {"maximize": True}, {"weight_decay": 0.1}, {"foreach": True}, {"foreach": False}]
DECOUPLED = [{"weight_decay": 0.1, "decoupled_weight_decay": True}]
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "Adadelta": [*COMMON, {"lr": 0.5, "rho": 0.5, "eps": 1e-3}, {"weight_decay": 0.1, "maximize": True}],
    "Adafactor": [*COMMON, {"lr": 0.1, "beta2_decay": -0.3, "d": 2.0}, {"eps": (1e-4, 0.1)}],
    "Adagrad": [*COMMON, {"lr_decay": 0.2}, {"initial_accumulator_value": 0.5, "eps": 1e-3}, {"fused": True}],
    "Adam": [*COMMON, *DECOUPLED, {"amsgrad": True}, {"betas": (0.3, 0.6), "eps": 1e-3}, {"fused": True}],
    "AdamW": [*COMMON, {"amsgrad": True, "weight_decay": 0.0}, {"lr": 0.1, "betas": (0.3, 0.6)}],
    "Adamax": [*COMMON, {"betas": (0.3, 0.6), "eps": 1e-2}],
    "ASGD": [*COMMON, {"t0": 3, "lambd": 0.1}, {"alpha": 0.1, "lr": 0.2}],
    "Muon": [
        {}, {"nesterov": False}, {"momentum": 0.2, "lr": 0.1}, {"weight_decay": 0.0}, {"ns_steps": 2},
        {"adjust_lr_fn": "match_rms_adamw"}, {"adjust_lr_fn": "original", "eps": 1e-3},
    ],
    "NAdam": [*COMMON, *DECOUPLED, {"momentum_decay": 0.1, "betas": (0.3, 0.6)}],
    "RAdam": [*COMMON, *DECOUPLED, {"betas": (0.3, 0.6), "lr": 0.1}, {"eps": 1e-2}],
    "RMSprop": [*COMMON, {"centered": True}, {"momentum": 0.9}, {"centered": True, "momentum": 0.5, "alpha": 0.4}],
    "Rprop": [{}, {"maximize": True}, {"foreach": False}, {"etas": (0.2, 3.0), "step_sizes": (1e-3, 0.5)}],
    "SGD": [*COMMON, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "dampening": 0.3}],
}  # fmt: skip
CASES = [(name, options) for name, all_of_it in OPTIONS.items() for options in all_of_it]
# Those that can count their steps where their parameters are.
CAPTURABLE = [n for n in OPTIONS if getattr(getattr(gradviz.optim, n), "capturable", False)]
CAPTURABLE_CASES = [(n, options) for n, options in CASES if n in CAPTURABLE and "fused" not in options]


def label(case: Any) -> str:
    return case if isinstance(case, str) else " ".join(f"{k}={v}" for k, v in case.items()) or "plain"


def numbers(shape: tuple[int, ...], seed: int, dtype: str = "float32") -> Any:
    values = np.random.default_rng(seed).standard_normal(shape)
    if dtype.startswith("complex"):
        values = values + 1j * np.random.default_rng(seed + 999).standard_normal(shape)
    return values


def parameters(lib: Any, shapes: list[tuple[int, ...]], dtype: str = "float32") -> list[Any]:
    made = [lib.tensor(numbers(s, i, dtype), dtype=getattr(lib, dtype)) for i, s in enumerate(shapes)]
    return [p.requires_grad_() for p in made]


def run(optimizer: Any, lib: Any, params: list[Any], steps: range, dtype: str = "float32") -> None:
    """Steps by given gradients; the second parameter has none in step 3."""
    for step in steps:
        for i, p in enumerate(params):
            given = lib.tensor(numbers(tuple(p.shape), 100 * step + i, dtype), dtype=getattr(lib, dtype))
            p.grad = None if step == 3 and i == 1 else given
        optimizer.step()


def shapes_of(name: str) -> list[tuple[int, ...]]:
    return [(3, 4), (5, 2)] if name == "Muon" else [(3, 4), (5, 2), (4,), (), (2, 3, 2)]


def optimizer_of(lib: Any, kind: str = "SGD", **options: Any) -> Any:
    """Two groups of one parameter each, with rates of their own."""
    a, b = (lib.ones(1, requires_grad=True) for _ in range(2))
    return getattr(lib.optim, kind)([{"params": [a]}, {"params": [b], "lr": 0.02}], **{"lr": 0.1, **options})
