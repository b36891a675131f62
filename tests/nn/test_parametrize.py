"""Computed parameters: parametrize and its three parametrizations, the older hooks, skip_init, fusion, stateless."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz

from .both import both

torch = pytest.importorskip("torch")


def module(t: Any, forward: Callable[[Any], Any], **methods: Any) -> Any:
    """A module with this forward (and right_inverse)."""
    body = {"forward": lambda self, *x: forward(*x), **{k: lambda self, *x, f=f: f(*x) for k, f in methods.items()}}
    return type("Made", (t.nn.Module,), body)()


def linear(t: Any, *sizes: int) -> Any:
    t.manual_seed(2)
    return t.nn.Linear(*(sizes or (4, 3)), dtype=t.float64)


def P(t: Any) -> Any:
    return t.nn.utils.parametrize


def double(t: Any) -> Any:
    return module(t, lambda x: 2 * x, right_inverse=lambda x: x / 2)


def symmetric(t: Any) -> Any:
    return module(t, lambda x: x.triu() + x.triu(1).T)


def pair(t: Any) -> Any:
    return module(t, lambda a, b: a * b, right_inverse=lambda x: (x, t.ones_like(x)))


def after(t: Any, layer: Any, steps: int = 2) -> list[Any]:
    """What shows of a layer: repr, state, and what it computes before and after some training."""
    seen: list[Any] = [repr(layer), layer.state_dict(), [n for n, _ in layer.named_parameters()]]
    size = layer.in_features if hasattr(layer, "in_features") else layer.in_channels
    x = t.from_numpy(np.random.RandomState(0).randn(2, size, *(() if hasattr(layer, "in_features") else (5, 5))))
    optimizer = t.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        out = layer(x)
        (out**2).sum().backward()
        seen += [out, [p.grad for p in layer.parameters()]]
        optimizer.step()
    return [*seen, layer.eval()(x), layer.weight]


def registered(t: Any, *made: Callable[[Any], Any], size: tuple[int, ...] = (3, 3), unsafe: bool = False) -> Any:
    layer = linear(t, *size)
    for one in made:
        P(t).register_parametrization(layer, "weight", one(t), unsafe=unsafe)
    return layer


def assigned(t: Any, layer: Any) -> Any:
    layer.weight = (t.arange(9.0).view(3, 3) + t.eye(3)).double()
    return layer.state_dict(), layer.weight


def removed(t: Any, layer: Any, leave: bool = True) -> Any:
    P(t).remove_parametrizations(layer, "weight", leave)
    return [type(layer).__name__, *after(t, layer)]


def transferred(t: Any, layer: Any, name: str | None = None) -> Any:
    other = P(t).transfer_parametrizations_and_params(layer, linear(t, layer.in_features, 3), name)
    return after(t, other)


def cached_reads(t: Any) -> Any:
    calls: list[int] = []
    layer = registered(t, lambda t: module(t, lambda x: calls.append(1) or 2 * x), unsafe=True)
    with P(t).cached(), P(t).cached():
        same = layer.weight is layer.weight
        layer(t.ones(3).double())
    assert layer.weight is not layer.weight
    return same, len(calls)


def spectral(t: Any, **options: Any) -> Any:
    return t.nn.utils.parametrizations.spectral_norm(linear(t), **options)


def orthogonal(t: Any, *size: int, **options: Any) -> Any:
    return t.nn.utils.parametrizations.orthogonal(linear(t, *size), **options)


def conv(t: Any) -> Any:
    t.manual_seed(2)
    return t.nn.Conv2d(2, 3, 3, dtype=t.float64)


def U(t: Any) -> Any:
    return t.nn.utils


PARAMETRIZE: dict[str, Callable[[Any], Any]] = {
    "one": lambda t: after(t, registered(t, double)),
    "two": lambda t: after(t, registered(t, double, symmetric)),
    "of a pair": lambda t: after(t, registered(t, pair)),
    "buffer": lambda t: (
        n := t.nn.BatchNorm1d(3),
        P(t).register_parametrization(n, "running_var", module(t, lambda x: x + 1)),
        n.state_dict(),
        n.eval()(t.ones(2, 3)),
    )[2:],
    "bias": lambda t: after(t, P(t).register_parametrization(linear(t), "bias", module(t, lambda x: x.exp()))),
    "assign": lambda t: assigned(t, registered(t, double)),
    "assign to two": lambda t: assigned(t, registered(t, double, double)),
    "assign to a pair": lambda t: assigned(t, registered(t, pair)),
    "assign without inverse": lambda t: assigned(t, registered(t, symmetric)),
    "assign another type": lambda t: setattr(registered(t, double), "weight", t.ones(3, 3)),
    "assign a parameter": lambda t: setattr(registered(t, double), "weight", t.nn.Parameter(t.ones(3, 3).double())),
    "remove": lambda t: removed(t, registered(t, double)),
    "remove two": lambda t: removed(t, registered(t, double, symmetric)),
    "remove and forget": lambda t: removed(t, registered(t, double, symmetric), False),
    "remove a pair": lambda t: removed(t, registered(t, pair)),
    "remove and forget a pair": lambda t: removed(t, registered(t, pair), False),
    "remove nothing": lambda t: removed(t, linear(t)),
    "is": lambda t: [
        P(t).is_parametrized(layer, *name) for layer in (linear(t), registered(t, double)) for name in ((), ("bias",))
    ],
    "type before": lambda t: [
        P(t).type_before_parametrizations(layer).__name__ for layer in (linear(t), registered(t, double))
    ],
    "transfer": lambda t: transferred(t, registered(t, double, symmetric)),
    "transfer one": lambda t: transferred(t, registered(t, double), "weight"),
    "transfer nothing": lambda t: transferred(t, linear(t)),
    "cached": cached_reads,
    "unknown": lambda t: P(t).register_parametrization(linear(t), "wait", double(t)),
    "pickle": lambda t: registered(t, double).__getstate__(),
    "no tensor": lambda t: registered(t, lambda t: module(t, lambda x: 3)),
    "another type": lambda t: registered(t, lambda t: module(t, lambda x: x.half())),
    "another shape": lambda t: registered(t, lambda t: module(t, lambda x: x[:1])),
    "another shape, unsafe": lambda t: registered(t, lambda t: module(t, lambda x: x[:1]), unsafe=True).weight,
    "then no tensor": lambda t: registered(t, double, lambda t: module(t, lambda x: 3)),
    "then another type": lambda t: registered(t, double, lambda t: module(t, lambda x: x.half())),
    "then another shape": lambda t: registered(t, double, lambda t: module(t, lambda x: x[:1])),
    "inverse of another type": lambda t: registered(
        t, lambda t: module(t, lambda x: x + 0, right_inverse=lambda x: x.half())
    ),
    "then inverse of another type": lambda t: registered(
        t, double, lambda t: module(t, lambda x: x, right_inverse=lambda x: x.half())
    ),
    "inverse of nothing": lambda t: registered(t, lambda t: module(t, lambda x: x, right_inverse=lambda x: 3)),
    "inverse of things": lambda t: registered(t, lambda t: module(t, lambda x: x, right_inverse=lambda x: [3])),
    "empty": lambda t: P(t).ParametrizationList([], t.ones(2)),
}
NORMS: dict[str, Callable[[Any], Any]] = {
    "weight": lambda t: after(t, U(t).parametrizations.weight_norm(linear(t))),
    "weight, whole": lambda t: after(t, U(t).parametrizations.weight_norm(linear(t), dim=None)),
    "weight, columns": lambda t: after(t, U(t).parametrizations.weight_norm(linear(t), dim=1)),
    "weight of conv": lambda t: after(t, U(t).parametrizations.weight_norm(conv(t), dim=1)),
    "weight, removed": lambda t: removed(t, U(t).parametrizations.weight_norm(linear(t))),
    "spectral": lambda t: after(t, spectral(t)),
    "spectral, more": lambda t: after(t, spectral(t, n_power_iterations=3, dim=1)),
    "spectral of conv": lambda t: after(t, U(t).parametrizations.spectral_norm(conv(t))),
    "spectral of bias": lambda t: after(t, spectral(t, name="bias")),
    "spectral, no iterations": lambda t: spectral(t, n_power_iterations=0),
    "spectral, wrong dim": lambda t: spectral(t, dim=2),
    "spectral of nothing": lambda t: spectral(t, name="wait"),
    **{
        f"orthogonal {m} {size} {trivial}": lambda t, m=m, size=size, trivial=trivial: after(
            t, orthogonal(t, *size, orthogonal_map=m, use_trivialization=trivial)
        )
        for m in ("matrix_exp", "cayley", "householder")
        for size in ((3, 3), (4, 3), (3, 4))
        for trivial in (True, False)
    },
    "orthogonal": lambda t: after(t, orthogonal(t)),
    "orthogonal, assigned": lambda t: assigned(t, orthogonal(t, 3, 3)),
    "orthogonal, assigned householder": lambda t: assigned(
        t, orthogonal(t, 3, 3, orthogonal_map="householder", use_trivialization=False)
    ),
    "orthogonal, not assigned": lambda t: assigned(t, orthogonal(t, 3, 3, use_trivialization=False)),
    "orthogonal, wrong shape": lambda t: setattr(orthogonal(t, 3, 3), "weight", t.ones(2, 3)),
    "orthogonal, wrong map": lambda t: orthogonal(t, orthogonal_map="polar"),
    "orthogonal of bias": lambda t: orthogonal(t, name="bias"),
    "orthogonal of nothing": lambda t: orthogonal(t, name="wait"),
    "old weight": lambda t: after(t, U(t).weight_norm(linear(t))),
    "old weight of conv": lambda t: after(t, U(t).weight_norm(conv(t), dim=None)),
    "old weight twice": lambda t: U(t).weight_norm(U(t).weight_norm(linear(t))),
    "old weight removed": lambda t: after(t, U(t).remove_weight_norm(U(t).weight_norm(linear(t)))),
    "old weight not there": lambda t: U(t).remove_weight_norm(linear(t)),
    "old spectral": lambda t: after(t, U(t).spectral_norm(linear(t))),
    "old spectral of conv": lambda t: after(t, U(t).spectral_norm(conv(t), n_power_iterations=2, dim=1)),
    "old spectral twice": lambda t: U(t).spectral_norm(U(t).spectral_norm(linear(t))),
    "old spectral removed": lambda t: after(t, U(t).remove_spectral_norm(U(t).spectral_norm(linear(t)))),
    "old spectral not there": lambda t: U(t).remove_spectral_norm(linear(t)),
    "old spectral of no bias": lambda t: U(t).spectral_norm(t.nn.Linear(2, 2, bias=False), "bias"),
    "old spectral, no iterations": lambda t: U(t).spectral_norm(linear(t), n_power_iterations=0),
    "old spectral version": lambda t: sorted(U(t).spectral_norm(linear(t)).state_dict()._metadata[""].items()),
}


@pytest.mark.parametrize("name", PARAMETRIZE)
def test_parametrize(name: str) -> None:
    both(PARAMETRIZE[name])


@pytest.mark.parametrize("name", NORMS)
def test_norms(name: str) -> None:
    both(NORMS[name])


def old_weight_state(t: Any) -> Any:
    state = {"weight_g": t.ones(3, 1), "weight_v": t.arange(12.0).view(3, 4), "bias": t.zeros(3)}
    layer = U(t).parametrizations.weight_norm(linear(t))
    return str(layer.load_state_dict(state)), layer.weight


def old_spectral_state(t: Any) -> Any:
    layer = U(t).spectral_norm(linear(t, 3, 4))
    state = layer.state_dict()
    state["weight"] = state["weight_orig"] / 3
    del state["weight_v"], state._metadata
    return str(layer.load_state_dict(state)), layer.state_dict()


def twice(t: Any) -> Any:
    layer = U(t).spectral_norm(linear(t))
    x = t.ones(2, 4).double()
    (layer(x) - layer(2 * x)).sum().backward()
    return [p.grad for p in layer.parameters()]


@pytest.mark.parametrize("program", [old_weight_state, old_spectral_state, twice])
def test_state_dicts(program: Callable[[Any], Any]) -> None:
    both(program)


def test_copies_are_apart() -> None:
    layer = registered(gradviz, double)
    copied = copy.deepcopy(layer)
    with gradviz.no_grad():
        copied.parametrizations.weight.original.zero_()
    assert not bool(copied.weight.any())
    assert bool(layer.weight.any())
    assert type(copied) is type(layer)
    again = gradviz.nn.utils.parametrizations.orthogonal(gradviz.nn.Linear(4, 4))
    q = copy.deepcopy(again).weight.detach()
    np.testing.assert_allclose(q @ q.T, np.eye(4), atol=1e-5)


# -- the small helpers ---------------------------------------------------------------------------------------------
def trained_norm(t: Any, kind: str, size: int) -> Any:
    norm = getattr(t.nn, kind)(size)
    norm.running_mean.copy_(t.arange(float(size)))
    norm.running_var.copy_(t.arange(float(size)) + 0.5)
    with t.no_grad():
        norm.weight.copy_(t.arange(float(size)) - 1)
    return norm.eval()


def fused_conv(t: Any, bias: bool, transpose: bool) -> Any:
    kind = t.nn.ConvTranspose2d if transpose else t.nn.Conv2d
    t.manual_seed(0)
    layer = kind(2, 3, 3, bias=bias).eval()
    fused = U(t).fuse_conv_bn_eval(layer, trained_norm(t, "BatchNorm2d", 3), transpose)
    return repr(fused), fused.state_dict(), fused(t.ones(1, 2, 5, 5)), fused.bias.requires_grad


def fused_linear(t: Any, bias: bool) -> Any:
    t.manual_seed(0)
    layer = t.nn.Linear(4, 3, bias=bias).eval()
    fused = U(t).fuse_linear_bn_eval(layer, trained_norm(t, "BatchNorm1d", 3))
    return repr(fused), fused.state_dict(), fused(t.ones(2, 4))


def stateless(t: Any, **options: Any) -> Any:
    layer = linear(t)
    given = {"weight": t.ones(3, 4).double()}
    return U(t).stateless.functional_call(layer, given, t.ones(2, 4).double(), **options), layer.weight


def skipped(t: Any) -> Any:
    t.manual_seed(0)
    layer = U(t).skip_init(t.nn.Linear, 3, 4, bias=False)
    return repr(layer), layer.weight.shape, layer.weight.requires_grad, t.rand(2)


HELPERS: list[Callable[[Any], Any]] = [
    *(lambda t, b=b, tr=tr: fused_conv(t, b, tr) for b in (True, False) for tr in (True, False)),
    *(lambda t, b=b: fused_linear(t, b) for b in (True, False)),
    lambda t: U(t).fuse_conv_bn_eval(t.nn.Conv2d(2, 3, 3), t.nn.BatchNorm2d(3)),
    lambda t: U(t).fuse_linear_bn_eval(t.nn.Linear(2, 3).eval(), t.nn.BatchNorm1d(2).eval()),
    stateless,
    lambda t: stateless(t, strict=True),
    skipped,
    lambda t: U(t).skip_init(int, 3),
    lambda t: U(t).skip_init(t.nn.ReLU),
    lambda t: U(t).convert_conv2d_weight_memory_format(
        t.nn.Sequential(conv(t)), t.channels_last
    )[0].weight.stride(),
]  # fmt: skip


@pytest.mark.parametrize("program", HELPERS, ids=[str(i) for i in range(len(HELPERS))])
def test_helpers(program: Callable[[Any], Any]) -> None:
    both(program)
