"""A function of a few scalars as a little program: what the browser needs to run it again, forward and backward,
without a kernel.

The function is recorded by the real engine, at several points. If the recordings agree and every operation in them is
one that the browser knows, the program is handed over; otherwise the reason why not.

A program is ``{"inputs": 2, "nodes": [["mul", [0, [2.0]], {}], ...]}``: an operand that is a number is a value made
earlier (the inputs come first), an operand in brackets is a constant; the last node is the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

# The operations that frontend/src/scalar.ts can run, forward and backward.
KNOWN = frozenset(
    {"add", "sub", "rsub", "mul", "div", "maximum", "minimum", "pow", "pow_tensor", "rpow", "neg", "abs", "reciprocal"}
    | {
        "exp",
        "expm1",
        "log",
        "log1p",
        "sqrt",
        "rsqrt",
        "sin",
        "cos",
        "tan",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "sigmoid",
        "relu",
    }
)

Program = dict[str, Any]


class NeedsKernel(Exception):  # noqa: N818
    """Why the browser cannot run this function by itself."""


def program(fn: Callable[..., Any], points: Sequence[Sequence[float]]) -> Program:
    """The program of `fn`; raises NeedsKernel with the reason if there is none."""
    made = [recorded(fn, point) for point in points]
    if any(other != made[0] for other in made[1:]):
        msg = "the function does different things at different points"
        raise NeedsKernel(msg)
    return made[0]


def recorded(fn: Callable[..., Any], point: Sequence[float]) -> Program:
    """Record one call, and put it into the short form."""
    import gradviz as torch

    leaves = [torch.tensor(float(value), requires_grad=True) for value in point]
    with torch.record() as tape:
        for leaf in leaves:  # so that they are the first nodes, used or not
            leaf + 0.0
        fn(*leaves)
    nodes = tape.recording.to_json()["nodes"]
    marks = [node["inputs"][0]["n"] for node in nodes if node["kind"] == "op"][: len(leaves)]
    place = {n: i for i, n in enumerate(marks)}
    body: list[list[Any]] = []
    for node in [node for node in nodes if node["kind"] == "op"][len(leaves) :]:
        if node["op"] not in KNOWN:
            msg = f"the operation {node['op']!r} is not one the browser can run"
            raise NeedsKernel(msg)
        if node["shape"]:
            msg = "it works with more than single numbers"
            raise NeedsKernel(msg)
        settings = node["settings"] or {}
        if set(settings) - {"exponent"}:
            msg = f"the operation {node['op']!r} has settings the browser does not know"
            raise NeedsKernel(msg)
        body.append([node["op"], [operand(given, place, nodes) for given in node["inputs"]], settings])
        place[node["n"]] = len(leaves) + len(body) - 1
    if not body:
        msg = "the function computes nothing"
        raise NeedsKernel(msg)
    return {"inputs": len(leaves), "nodes": body}


def operand(given: dict[str, Any], place: dict[int, int], nodes: list[dict[str, Any]]) -> Any:
    """One input of a node: the place of an earlier value, or a constant in brackets."""
    n = given.get("n")
    if n in place:
        return place[n]
    value = given.get("value")
    if n is not None:  # a tensor that was there before: a constant of the function
        stored = nodes[n]["value"]
        data = stored["data"] if stored else None
        if nodes[n]["requires_grad"] or not data or len(data) != 1:
            msg = "it uses a tensor from outside"
            raise NeedsKernel(msg)
        value = data[0]
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = "one of its inputs is not a number"
        raise NeedsKernel(msg)
    return [value]
