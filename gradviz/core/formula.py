"""The mathematics of an op as text, read from the very source that is executed."""

from __future__ import annotations

import ast
import functools
import re
from typing import Any


@functools.cache
def _calls(filename: str) -> dict[str, dict[str, ast.AST]]:
    """For every `op("name", ...)` of a file: its forward and rules as syntax trees."""
    from pathlib import Path

    tree = ast.parse(Path(filename).read_text(encoding="utf-8"))
    found: dict[str, dict[str, ast.AST]] = {}
    decorated: dict[str, str] = {}
    for item in ast.walk(tree):
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Name) and item.func.id == "op" and item.args:
            name = item.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                parts = found.setdefault(name.value, {})
                if len(item.args) > 1:
                    parts["forward"] = item.args[1]
                parts.update({k.arg: k.value for k in item.keywords if k.arg and isinstance(k.value, ast.Lambda)})
        if isinstance(item, ast.FunctionDef):
            for mark in item.decorator_list:
                if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "op":
                    name = mark.args[0]
                    if isinstance(name, ast.Constant):
                        decorated[item.name] = str(name.value)
                if isinstance(mark, ast.Attribute) and mark.attr == "rule" and isinstance(mark.value, ast.Name):
                    owner = decorated.get(mark.value.id, mark.value.id)
                    found.setdefault(owner, {})[item.name.rstrip("_")] = item
    return found


def _text(tree: ast.AST | None) -> str:
    """The expression a lambda or a one-line function returns, without namespace prefixes."""
    if isinstance(tree, ast.Lambda):
        shown = ast.unparse(tree.body)
    elif isinstance(tree, ast.FunctionDef):
        last = tree.body[-1]
        shown = ast.unparse(last.value) if isinstance(last, ast.Return) and last.value is not None else ""
    else:
        return ""
    shown = re.sub(r"\b(?:F|xp|math)\.", "", shown)
    return re.sub(r"\bF, ", "", shown)


# What a learner reads where the executed text is bookkeeping rather than mathematics.
# One row an op: its forward, then a rule per input in order; an empty text means "as it is executed".
SPOKEN: dict[str, tuple[str, ...]] = {
    "sum": ("sum(x)", "g for every element of x"),
    "mean": ("mean(x)", "g / n for every element of x"),
    "var": ("var(x)", "g * 2 * (x - mean(x)) / (n - 1)"),
    "std": ("std(x)", "g * (x - mean(x)) / ((n - 1) * out)"),
    "amax": ("max(x)", "g at the maximum, else 0"),
    "amin": ("min(x)", "g at the minimum, else 0"),
    "max_all": ("max(x)", "g at the maximum, else 0"),
    "min_all": ("min(x)", "g at the minimum, else 0"),
    "max_dim": ("max(x)", "g at each maximum, else 0"),
    "min_dim": ("min(x)", "g at each minimum, else 0"),
    "prod": ("prod(x)", "g * the product of the others"),
    "logsumexp": ("log(sum(exp(x)))", "g * softmax(x)"),
    "vector_norm": ("norm(x)", "g * x / out"),
    "cumsum": ("cumsum(x)", "sums of g from each place on"),
    "pow": ("", "g * exponent * x ** (exponent - 1)"),
    "pow_tensor": ("a ** b", "g * b * a ** (b - 1)", "g * out * log(a)"),
    "clamp": ("clamp(x, min, max)", "g where min <= x <= max, else 0"),
    "maximum": ("", "g where a > b, half at a tie", "g where b > a, half at a tie"),
    "minimum": ("", "g where a < b, half at a tie", "g where b < a, half at a tie"),
    "tanh": ("", "g * (1 - out ** 2)"),
    "sigmoid": ("", "g * out * (1 - out)"),
    "relu": ("", "g where out > 0, else 0"),
    "view": ("x in another shape", "g in the shape of x"),
    "unsafe_view": ("x in another shape", "g in the shape of x"),
    "squeeze": ("x without sizes of 1", "g in the shape of x"),
    "unsqueeze": ("x with a size of 1", "g in the shape of x"),
    "permute": ("x, dimensions reordered", "g, dimensions put back"),
    "transpose": ("x, two dimensions swapped", "g, swapped back"),
    "expand": ("x repeated", "g"),
    "clone": ("a copy of x", "g"),
    "cast": ("x as another type", "g"),
    "t": ("x.T", "g.T"),
    "select": ("x[index]", "zeros like x, with g at [index]"),
    "slice": ("x[start:stop]", "zeros like x, with g at [start:stop]"),
    "index": ("x[index]", "zeros like x, with g added at [index]"),
    "index_write": ("x with value at [index]", "g, 0 at [index]", "g[index]"),
    "embedding": ("weight[index]", "zeros like weight, with g added at [index]"),
    "cat": ("tensors joined", "this tensor's part of g"),
    "stack": ("tensors stacked", "this tensor's part of g"),
    "mm": ("a @ b", "g @ b.T", "a.T @ g"),
    "bmm": ("a @ b", "g @ b.mT", "a.mT @ g"),
    "mv": ("a @ b", "outer(g, b)", "a.T @ g"),
    "addmm": ("x + a @ b", "g", "g @ b.T", "a.T @ g"),
    **{
        f"conv{d}d": (
            f"conv{d}d(x, w) + bias",
            "g spread back through w",
            "x correlated with g",
            "g summed over places",
        )
        for d in (1, 2, 3)
    },
    **{
        f"conv_transpose{d}d": (
            "x spread through w, + bias",
            f"conv{d}d(g, w)",
            "g correlated with x",
            "g summed over places",
        )
        for d in (1, 2, 3)
    },
    **{
        f"{kind}max_pool{d}d": ("max of each window", "g at each window's maximum, else 0")
        for kind in ("", "adaptive_", "fractional_")
        for d in (2, 3)
    },
    **{
        f"{kind}avg_pool{d}d": ("mean of each window", "g / window size at each place")
        for kind in ("", "adaptive_")
        for d in (2, 3)
    },
    "max_unpool2d": ("x at the indices, else 0", "g at the indices"),
    "constant_pad_nd": ("x with a border", "g without the border"),
    "im2col": ("each window as a column", "columns of g added up where they came from"),
    "col2im": ("columns added up where they came from", "each window of g as a column"),
    "pixel_shuffle": ("channels as pixels", "pixels of g as channels"),
    "grid_sampler_2d": (
        "x read at the places of grid",
        "g added where it was read",
        "g * the slope of x at each place",
    ),
    "softmax": ("softmax(x)", "out * (g - sum(g * out))"),
    "log_softmax": ("log(softmax(x))", "g - softmax(x) * sum(g)"),
    "nll_loss": ("-mean(x[target])", "-g / n at each target, else 0"),
    "mse_loss": ("mean((x - y) ** 2)", "g * 2 * (x - y) / n", "-g * 2 * (x - y) / n"),
}
READABLE = 44


def _readable(text: str) -> bool:
    """Whether executed text reads as mathematics: short, and without the array library's keywords or helpers."""
    return bool(text) and len(text) <= READABLE and not re.search(r"\b_\w+\(|axis=|dtype=|\bxp\b|\bF\b", text)


@functools.cache
def formulas(op: Any) -> tuple[str, dict[str, str]]:
    """`("a * b", {"a": "g * b", "b": "g * a"})` for an op of the table; inputs' names for a user's Function."""
    code = getattr(getattr(op, "forward", None), "__code__", None)
    if not hasattr(op, "inputs") or code is None:
        return f"{getattr(op, '__name__', 'function')}(...)", {}
    try:
        parts = _calls(code.co_filename).get(op.name, {})
    except OSError:
        parts = {}
    plain = f"{op.name}({', '.join(op.inputs)})"
    said = dict(zip(("forward", *op.inputs), SPOKEN.get(op.name, ()), strict=False))

    def shown(part: str) -> str:
        executed = _text(parts.get(part))
        return said.get(part) or (executed if _readable(executed) else "")

    return shown("forward") or plain, {x: shown(x) or f"the gradient of {op.name} in {x}" for x in op.rules}
