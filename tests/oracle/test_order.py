"""Random graphs run backward in PyTorch's own order, node by node, leaves included, and give its gradients.

PyTorch's order is heard through hooks on every node; gradviz's is the plan of a Backward, before anything has run.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

import gradviz
from gradviz.autograd import Backward

GRAPHS, PARTS = 2000, 20

ONE = ["sin", "exp", "tanh", "neg", "sigmoid"]
TWO = ["add", "mul", "sub"]


def recipe(seed: int) -> tuple[list[float], list[tuple[str, list[int]]]]:
    """Leaf values, and operations on earlier results by number: 3 to 25 operations on 1 to 4 leaves."""
    rng = random.Random(seed)
    starts = [rng.uniform(-1, 1) for _ in range(rng.randint(1, 4))]
    steps: list[tuple[str, list[int]]] = []
    for i in range(rng.randint(3, 25)):
        have = len(starts) + i
        # Recent results more often than old ones: deep graphs, with long edges among them.
        pick = [have - 1 - min(have - 1, int(rng.expovariate(0.4))) for _ in range(2)]
        steps.append((rng.choice(ONE), pick[:1]) if rng.random() < 0.4 else (rng.choice(TWO), pick))
    return starts, steps


def build(torch: Any, seed: int) -> tuple[Any, list[Any], dict[Any, str]]:
    """The loss, the leaves, and a name for every result's node."""
    starts, steps = recipe(seed)
    made = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in starts]
    leaves = list(made)
    named = {}
    for i, (name, args) in enumerate(steps):
        out = getattr(torch, name)(*(made[a] for a in args))
        named[out.grad_fn] = f"{i}:{name}"
        made.append(out)
    return made[-1], leaves, named


def reachable(root: Any) -> list[Any]:
    seen: list[Any] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.append(node)
            stack.extend(parent for parent, _ in node.next_functions)
    return seen


def told(node: Any, leaves: list[Any], named: dict[Any, str]) -> str:
    if node.name().endswith("AccumulateGrad"):
        return f"leaf {next(i for i, leaf in enumerate(leaves) if leaf is node.variable)}"
    return named[node]


def torch_order(torch: Any, seed: int) -> tuple[list[str], list[Any]]:
    loss, leaves, named = build(torch, seed)
    heard: list[str] = []
    for node in reachable(loss.grad_fn):
        node.register_hook(lambda *_, name=told(node, leaves, named): heard.append(name))
    loss.backward()
    return heard, [None if leaf.grad is None else leaf.grad.item() for leaf in leaves]


def gradviz_order(seed: int) -> tuple[list[str], list[Any]]:
    loss, leaves, named = build(gradviz, seed)
    session = Backward([loss])
    plan = [told(node, leaves, named) for node in session.plan]
    session.run()
    return plan, [None if leaf.grad is None else leaf.grad.item() for leaf in leaves]


@pytest.mark.oracle
@pytest.mark.parametrize("part", range(PARTS))
def test_order_and_gradients_equal_torchs(part: int) -> None:
    torch = pytest.importorskip("torch")
    for seed in range(part * GRAPHS // PARTS, (part + 1) * GRAPHS // PARTS):
        want, want_grads = torch_order(torch, seed)
        got, got_grads = gradviz_order(seed)
        assert got == want, f"graph {seed}: {recipe(seed)}"
        for a, b in zip(want_grads, got_grads, strict=True):
            assert (a is None) == (b is None), f"graph {seed}"
            assert a is None or b == pytest.approx(a, rel=1e-9, abs=1e-12, nan_ok=True), f"graph {seed}"


def test_the_plan_is_what_runs() -> None:
    """The order in which nodes run, heard by hooks, is the plan."""
    for seed in range(100):
        loss, leaves, named = build(gradviz, seed)
        session = Backward([loss], journal=False)
        plan = [told(node, leaves, named) for node in session.plan]
        heard: list[str] = []
        for node in session.plan:
            node.register_prehook(lambda _, name=told(node, leaves, named), heard=heard: heard.append(name))
        session.run()
        assert heard == plan
