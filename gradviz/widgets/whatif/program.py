"""A function of a few scalars as a little program: what the browser needs to run it again, forward and backward,
without a kernel.

The function is recorded by the real engine, at several points. If the recordings agree and every operation in them is
one that the browser knows, the program is handed over; otherwise the reason why not.

A program is ``{"inputs": 2, "nodes": [["mul", [0, [2.0]], {}], ...]}``: an operand that is a number is a value made
earlier (the inputs come first), an operand in brackets is a constant; the last node is the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

# The operations that frontend/src/scalar.ts can run, forward and backward.
KNOWN = frozenset({
    "add", "sub", "rsub", "mul", "div", "maximum", "minimum", "pow", "pow_tensor", "rpow", "neg", "abs",
    "reciprocal", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "sin", "cos", "tan", "atan", "sinh", "cosh",
    "tanh", "sigmoid", "relu",
})  # fmt: skip
# Those of frontend/src/elements.ts and frontend/src/tensor.ts, for what-if.
ELEMENTS = KNOWN | frozenset({
    "add_scalar", "sub_scalar", "mul_scalar", "div_scalar", "scale", "shift", "deg2rad", "rad2deg", "addcmul",
    "addcdiv", "lerp", "exp2", "log2", "log10", "logaddexp", "logaddexp2", "xlogy", "logit", "special_entr",
    "asin", "acos", "asinh", "acosh", "atanh", "sinc", "atan2", "hypot", "fmax", "fmin", "clamp", "clamp_min",
    "clamp_max", "where", "copysign", "sign", "sgn", "floor", "ceil", "trunc", "frac", "round", "remainder",
    "fmod", "leaky_relu", "prelu", "hardtanh", "hardsigmoid", "hardswish", "hardshrink", "softshrink",
    "threshold", "silu", "softplus", "logsigmoid", "mish", "gelu", "elu", "celu", "erf", "erfc", "eq", "ne", "lt",
    "le", "gt", "ge", "logical_not", "logical_and", "logical_or", "isnan", "isfinite",
})  # fmt: skip
WHOLE = frozenset({
    "view", "unsafe_view", "reshape_alias", "squeeze", "squeeze_dims", "unsqueeze", "alias", "clone", "only_row",
    "detach", "cast", "expand", "permute", "transpose", "t", "select", "slice", "flip", "cat", "stack", "sum",
    "mean", "logsumexp", "amax", "amin", "max_all", "min_all", "max_dim", "min_dim", "var", "std", "prod",
    "cumsum", "mm", "bmm", "mv", "dot", "addmm", "softmax", "log_softmax", "nll_loss", "mse_loss",
    "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits",
})  # fmt: skip
REAL = ("float32", "float64")
COUNTED = ("int64", "bool")
SMALL = 64  # numbers of one tensor
FEW = 250  # operations
# Whole numbers stay whole through these; others may wrap or round as only the engine knows.
EXACT = frozenset({
    "eq", "ne", "lt", "le", "gt", "ge", "logical_not", "logical_and", "logical_or", "isnan", "isfinite", "view",
    "reshape_alias", "squeeze", "unsqueeze", "expand", "permute", "transpose", "t", "select", "slice", "alias",
    "clone", "detach",
})  # fmt: skip

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


def why_not(record: Mapping[str, Any], known: Container[int]) -> str | None:
    """Why the browser cannot run a record again on other leaf values (frontend/src/rerun.ts); None if it can.

    `known` are the nodes whose numbers can be handed over whole.
    """
    nodes = record["nodes"]
    if sum(node["kind"] == "op" for node in nodes) > FEW:
        return f"more than {FEW} operations"
    for node in nodes:
        reason = _odd(node, node["n"] in known)
        if reason:
            return reason
    return None


def _odd(node: Mapping[str, Any], known: bool) -> str | None:
    """Why the browser cannot make this node again."""
    name = node["label"] or node["op"]
    if math.prod(node["shape"]) > SMALL:
        return f"{name} has more than {SMALL} numbers"
    if node["kind"] != "op":
        return None if known and node["dtype"] in REAL + COUNTED else f"the numbers of {name} are {node['dtype']}"
    op, settings = node["op"], node["settings"] or {}
    if known and node["dtype"] in REAL + COUNTED:
        return None  # written by no operation: a mask that was drawn
    if op == "unbind":
        return None if node["dtype"] in REAL else f"{name} is computed in {node['dtype']}"
    if op not in ELEMENTS | WHOLE:
        return f"the operation {op!r} is not one the browser can run"
    if node["dtype"] not in REAL and not (node["dtype"] in COUNTED and op in EXACT):
        return f"{name} is computed in {node['dtype']}"
    if any("n" in given and given["n"] is None for given in node["inputs"]) or node.get("output"):
        return f"not all that {name} was made of was kept"
    if any(isinstance(v, list) and "…" in v for v in settings.values()):
        return f"{op} has settings that are too long"
    if op == "nll_loss" and (len(node["inputs"]) < 3 or "value" not in node["inputs"][2]):
        return "nll_loss has weights"
    if op.startswith("binary_cross_entropy") and any("value" not in given for given in node["inputs"][2:]):
        return f"{op} has weights"
    return None
