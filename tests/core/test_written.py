"""What is written out for an operation says the same as its rules, and writes into nothing but its own results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.core import written
from gradviz.core.node import Freed
from gradviz.core.op import OPS, Op

SHAPE = (3, 5)


def arithmetic() -> list[tuple[str, str]]:
    """Every input whose rule is written out as calls of NumPy."""
    return [
        (name, x)
        for name, op in OPS.items()
        if op.rules and op.simple and op.elementwise and not op.settings
        for i, x in enumerate(op.inputs)
        if x in op.rules and written._quick(op, i, "e", {})
    ]


class Edge:
    """Where a gradient arrives."""

    shape, dtype, incoming = SHAPE, np.dtype(np.float32), None


class Caller:
    """What `push` sees of a node."""

    def __init__(self, op: Op, saved: tuple[Any, ...], wanted: tuple[bool, ...]) -> None:
        self.saved, self.parents, self.device = saved, tuple(Edge() if w else None for w in wanted), torch.device("cpu")
        self.shape, self.dtype = SHAPE, np.dtype(np.float32)


def locked(array: Any) -> Any:
    array.flags.writeable = False
    return array


def saved_by(op: Op, x: str) -> tuple[Any, tuple[Any, ...], tuple[bool, ...]]:
    """A gradient, what the op keeps if only `x` wants one (all of it read-only), and which inputs want one."""
    draw = np.random.default_rng(0)
    given = [torch.tensor(draw.uniform(0.1, 0.9, SHAPE).astype(np.float32)) for _ in op.inputs]
    out = np.asarray(torch.device("cpu").forwards[op.name](*(t._array for t in given)), dtype=np.float32)
    for t in given:
        locked(t._array)
    i = op.inputs.index(x)
    kept = op.saver(1 << i)(*given, locked(out), {}, {})
    return locked(draw.standard_normal(SHAPE).astype(np.float32)), kept, tuple(j == i for j in range(len(op.inputs)))


@pytest.mark.parametrize(("name", "x"), arithmetic(), ids="-".join)
@pytest.mark.parametrize("alike", [True, False], ids=["alike", "general"])
def test_push_gives_what_the_rules_give(name: str, x: str, alike: bool) -> None:
    op = OPS[name]
    g, kept, wanted = saved_by(op, x)
    want = op.pull(torch.device("cpu").F, g, kept, [w or None for w in wanted])[op.inputs.index(x)]
    node: Any = Caller(op, kept, wanted)
    push = op.push_alike if alike else op.push
    push(node, g, None)
    edge = node.parents[op.inputs.index(x)]
    assert edge.incoming.dtype == np.float32
    np.testing.assert_array_equal(edge.incoming, want)
    assert node.saved is kept
    # A second time: the sum, and what the rules read is still what it was.
    push(node, g, None)
    np.testing.assert_array_equal(edge.incoming, want + want)


def test_most_arithmetic_is_found() -> None:
    found = {name for name, _ in arithmetic()}
    assert {"add", "sub", "mul", "div", "neg", "exp", "log", "sqrt", "tanh", "sigmoid", "sin", "cos"} <= found
    assert not found & {"abs", "pow", "maximum", "relu", "where"}


def test_what_was_kept_is_freed() -> None:
    op = OPS["mul"]
    g, kept, wanted = saved_by(op, "a")
    node: Any = Caller(op, kept, wanted)
    freed = Freed(None)
    op.push(node, g, freed)
    assert node.saved is freed


LEFT = {
    "a comparison": lambda g, x: g * (x > 0),
    "a branch": lambda g, x: g if x else -g,
    "a shape": lambda g, x: g * x.shape[0],
    "a choice": lambda F, g, x: F.where(x == 0, g, x),
    "a truth value": lambda g, x: g * True,
    "a setting": lambda g, *, by: g * by,
}


@pytest.mark.parametrize("name", LEFT)
def test_other_rules_are_left_as_they_are(name: str) -> None:
    forward = (lambda x, *, by: x * by) if name == "a setting" else (lambda x: x)
    assert written._arithmetic(Op("trial", forward, {"x": LEFT[name]}, elementwise=True), 0, {}) is None


def test_what_does_not_have_the_results_shape_is_not_written_into() -> None:
    """`b` may have been spread over the result: b * b has its shape, and the gradient must not be written there."""
    op = Op("trial", lambda a, b: a * b * b, {"a": lambda g, b: b * b * g, "b": lambda a, b: a * b}, elementwise=True)
    found = written._arithmetic(op, 0, {})
    assert found is not None
    assert found.splitlines()[1].strip() == "v1 = multiply(v0, g)"
    assert written._arithmetic(op, 1, {}) is None


def test_a_result_used_twice_is_left_as_it_is() -> None:
    def rule(g: Any, x: Any) -> Any:
        square = x * x
        return g * (square + 1 / square)

    assert written._arithmetic(Op("trial", lambda x: x, {"x": rule}, elementwise=True), 0, {}) is None


FORWARDS = {
    "a * b": (lambda a, b: a * b, np.multiply),
    "-x": (lambda x: -x, np.negative),
    "xp.exp(x)": (lambda xp, x: xp.exp(x), np.exp),
    "xp.arctan2(a, b)": (lambda xp, a, b: xp.arctan2(a, b), np.arctan2),
    "a setting": (lambda xp, x, *, least: xp.maximum(x, least), None),
    "a reduction": (lambda xp, x: xp.sum(x), None),
    "b * a": (lambda a, b: b * a, None),
}


@pytest.mark.parametrize("name", FORWARDS)
def test_forwards_that_are_one_function_of_numpy(name: str) -> None:
    forward, found = FORWARDS[name]
    assert written.numpy_function(forward) is found
