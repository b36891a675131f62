"""Clipping gradients, and parameters as one vector."""

from __future__ import annotations

import math
from typing import Any

import pytest

import gradviz

from .both import both

NORMS = [1.0, 2.0, 3, 0.5, 0, math.inf, -math.inf, "inf"]


def parameters(lib: Any, scale: float = 1.0) -> list[Any]:
    """Two parameters with gradients and one without."""
    made = [
        lib.arange(6.0).reshape(2, 3).requires_grad_(),
        lib.ones(2, requires_grad=True),
        lib.ones(1, requires_grad=True),
    ]
    (made[0] * made[0] * scale).sum().backward()
    made[1].grad = lib.tensor([-3.0, 4.0]) * scale
    return made


@pytest.mark.parametrize("norm", NORMS, ids=repr)
@pytest.mark.parametrize("limit", [0.5, 1000.0])
@pytest.mark.parametrize("foreach", [None, False, True])
def test_clip_grad_norm(norm: Any, limit: float, foreach: bool | None) -> None:
    def program(lib: Any) -> Any:
        given = parameters(lib)
        total = lib.nn.utils.clip_grad_norm_(given, limit, norm, foreach=foreach)
        return total, total.requires_grad, [p.grad for p in given]

    both(program)


@pytest.mark.parametrize("value", [0.5, 3, 100.0])
def test_clip_grad_value(value: float) -> None:
    def program(lib: Any) -> Any:
        given = parameters(lib)
        return lib.nn.utils.clip_grad_value_(given, value), [p.grad for p in given]

    both(program)


PROGRAMS = {
    "one tensor": lambda t: (lambda p: (t.nn.utils.clip_grad_norm_(p, 1.0), p.grad))(parameters(t)[0]),
    "a generator": lambda t: (lambda ps: (t.nn.utils.clip_grad_norm_((p for p in ps), 1.0), ps[0].grad))(parameters(t)),
    "an empty generator": lambda t: t.nn.utils.clip_grad_norm_((p for p in []), 1.0),
    "nothing": lambda t: t.nn.utils.clip_grad_norm_([], 1.0),
    "no gradients": lambda t: t.nn.utils.clip_grad_norm_([t.ones(1)], 1.0),
    "not finite, refused": lambda t: t.nn.utils.clip_grad_norm_(parameters(t, math.inf), 1.0, error_if_nonfinite=True),
    "not finite": lambda t: t.nn.utils.clip_grad_norm_(parameters(t, math.inf), 1.0),
    "the norm alone": lambda t: t.nn.utils.get_total_norm([t.ones(3), t.ones(2, 2)], 1),
    "the norm of one": lambda t: t.nn.utils.get_total_norm(t.tensor([3.0, 4.0])),
    "by a known norm": lambda t: (lambda p: (t.nn.utils.clip_grads_with_norm_(p, 1.0, t.tensor(50.0)), p[0].grad))(
        parameters(t)
    ),
    "to a vector": lambda t: t.nn.utils.parameters_to_vector(parameters(t)),
    "from a vector": lambda t: (
        lambda ps: (t.nn.utils.vector_to_parameters(t.arange(9.0), ps), [p.detach() for p in ps])
    )(parameters(t)),
    "from no vector": lambda t: t.nn.utils.vector_to_parameters([1.0], []),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_torch(name: str) -> None:
    both(PROGRAMS[name])


@pytest.mark.parametrize("rule", ["a + b", "a + b * 1", "(a.view(3) + b).view(3)", "a + a + b"])
def test_gradients_of_different_leaves_share_no_memory(rule: str) -> None:
    """The rule of `+` hands the same array to both: scaling one gradient must not scale the other."""
    a, b = (gradviz.tensor([1.0, 2.0, 2.0], requires_grad=True) for _ in range(2))
    eval(rule, {"a": a, "b": b}).sum().backward()
    assert a.grad.data_ptr() != b.grad.data_ptr()
    gradviz.nn.utils.clip_grad_norm_([a, b], 1.0)
    joint = math.sqrt(sum(float((p.grad * p.grad).sum()) for p in (a, b)))
    assert joint == pytest.approx(1.0, rel=1e-4)
