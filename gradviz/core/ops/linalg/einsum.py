"""`einsum`: sums of products by letters, taken apart into permuted views and batched matrix products, pair by pair.

"bij,jk->bik" names every dimension. Letters that are not in the result are summed over. All operands are given the same
dimensions in the same order, those of the result first, with size 1 for letters they do not have.
"""

from __future__ import annotations

import math
from typing import Any

from ...op import function
from ...tensor import Tensor
from .products import bmm, wrong

# How the ellipsis is written among labels: its dimensions are -1, -2, ... from the right.
Labels = list[Any]
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@function(method=False)
def einsum(*args: Any) -> Tensor:
    """`einsum("ij,jk->ik", a, b)`, or `einsum(a, [0, 1], b, [1, 2], [0, 2])`."""
    if len(args) < 2:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list")  # noqa: E501 # fmt: skip
    if not isinstance(args[0], str):
        return einsum(_spelled(args), *args[: len(args) - len(args) % 2 : 2])
    equation, operands = args[0], list(args[1:])
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = list(operands[0])
    if not operands:
        raise wrong("einsum(): must provide at least one operand")
    left, arrow, right = equation.partition("->")
    inputs = [_labels(part) for part in left.split(",")]
    if len(inputs) != len(operands):
        fewer = "fewer" if len(inputs) > len(operands) else "more"
        raise wrong(f"einsum(): {fewer} operands were provided than specified in the equation")
    extra = max(_check(labels, x, i) for i, (labels, x) in enumerate(zip(inputs, operands, strict=True)))
    output = _labels(right) if arrow else _implied(inputs)
    _check_output(output, inputs)
    wide = [_expanded(labels, x.ndim - len(labels) + 1) for labels, x in zip(inputs, operands, strict=True)]
    output = _expanded(output, extra)
    order = output + sorted({k for labels in wide for k in labels} - set(output), key=_place)
    _check_sizes(wide, operands)
    aligned = [_aligned(x, labels, order) for x, labels in zip(operands, wide, strict=True)]
    return _contracted(aligned, len(output))


def _spelled(args: tuple[Any, ...]) -> str:
    """The equation of the form with lists of numbers."""
    lists = args[1::2] + ((args[-1],) if len(args) % 2 else ())
    words = []
    for numbers in lists:
        for n in numbers:
            if n is not Ellipsis and not 0 <= n < len(_LETTERS):
                raise ValueError("einsum(): subscripts in the list must be between 0 and 51")
        words.append("".join("..." if n is Ellipsis else _LETTERS[n] for n in numbers))
    count = len(args) // 2
    return ",".join(words[:count]) + ("->" + words[count] if len(words) > count else "")


def _labels(text: str) -> Labels:
    """The letters of one operand; an ellipsis is one label, "..."."""
    made: Labels = []
    i = 0
    while i < len(text):
        if text[i] == ".":
            if text[i : i + 3] != "..." or "..." in made:
                raise wrong("einsum(): found '.' for operand 0 that is not part of any ellipsis")
            made.append("...")
            i += 3
            continue
        if text[i] != " ":
            if text[i] not in _LETTERS:
                raise wrong(
                    f"einsum(): invalid subscript given at index {i} in the equation string, subscripts must be in "
                    "[a-zA-Z]"
                )
            made.append(text[i])
        i += 1
    return made


def _check(labels: Labels, x: Tensor, at: int) -> int:
    """How many dimensions the ellipsis stands for; RuntimeError if the letters do not fit the operand."""
    named = len(labels) - ("..." in labels)
    if ("..." not in labels and named != x.ndim) or named > x.ndim:
        tail = " and no ellipsis was given" if "..." not in labels else " even with an ellipsis"
        raise wrong(
            f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions "
            f"({x.ndim}) for operand {at}{tail}"
        )
    return x.ndim - named


def _implied(inputs: list[Labels]) -> Labels:
    """The result's letters where none are given: those that occur once, in order."""
    every = [k for labels in inputs for k in labels]
    once = sorted(k for k in set(every) if k != "..." and every.count(k) == 1)
    return (["..."] if "..." in every else []) + once


def _check_output(output: Labels, inputs: list[Labels]) -> None:
    for k in output:
        if output.count(k) > 1:
            raise wrong(f"einsum(): output subscript {k} appears more than once in the output")
        if k != "..." and not any(k in labels for labels in inputs):
            raise wrong(f"einsum(): output subscript {k} does not appear in the equation for any input operand")


def _expanded(labels: Labels, extra: int) -> Labels:
    """The ellipsis replaced by as many labels as it has dimensions."""
    if "..." not in labels:
        return labels
    at = labels.index("...")
    return labels[:at] + [-i for i in range(extra, 0, -1)] + labels[at + 1 :]


def _place(label: Any) -> tuple[bool, Any]:
    return isinstance(label, str), label


def _check_sizes(inputs: list[Labels], operands: list[Tensor]) -> None:
    """Every letter has one size wherever it occurs, or 1."""
    seen: dict[Any, int] = {}
    for at, (labels, x) in enumerate(zip(inputs, operands, strict=True)):
        for k, n in zip(labels, x.shape, strict=True):
            if seen.setdefault(k, n) != n and 1 not in (seen[k], n):
                raise wrong(
                    f"einsum(): subscript {k} has size {n} for operand {at} which does not broadcast with previously "
                    f"seen size {seen[k]}"
                )
            seen[k] = max(seen[k], n) if 0 not in (seen[k], n) else 0


def _aligned(x: Tensor, labels: Labels, order: Labels) -> Tensor:
    """The operand with all dimensions of `order`, those it lacks of size 1; repeated letters become a diagonal."""
    labels = list(labels)
    for k in list(dict.fromkeys(labels)):
        while labels.count(k) > 1:
            first = labels.index(k)
            again = labels.index(k, first + 1)
            n, m = x.shape[first], x.shape[again]
            if n != m:
                raise wrong(f"einsum(): subscript {k} is repeated for operand 0 but the sizes don't match, {m} != {n}")
            x = x.diagonal(0, first, again).movedim(-1, first)
            del labels[again]
    there = len(labels)
    for k in order:
        if k not in labels:
            labels.append(k)
    for _ in range(len(labels) - there):
        x = x.unsqueeze(-1)
    return x.permute(*(labels.index(k) for k in order))  # type: ignore[no-any-return]


def _contracted(operands: list[Tensor], kept: int) -> Tensor:
    """Pair by pair from the left; a dimension is summed over as soon as no later operand has it."""
    out, rest = operands[0], operands[1:]
    dims = range(kept, out.ndim)
    if not rest:
        return out.sum(tuple(dims)) if len(dims) else out
    summed = False
    while rest:
        other = rest.pop(0)
        done = [d for d in dims if all(x.shape[d] == 1 for x in rest) and (out.shape[d], other.shape[d]) != (1, 1)]
        alone = [d for d in done if other.shape[d] == 1]
        if alone:
            out = out.sum(tuple(alone), keepdim=True)
        alone = [d for d in done if out.shape[d] == 1 and other.shape[d] != 1]
        if alone:
            other = other.sum(tuple(alone), keepdim=True)
        both = [d for d in done if out.shape[d] != 1 and other.shape[d] != 1]
        out = _pair(out, other, both) if both else out * other
        summed = True
    shape = tuple(out.shape[:kept])
    return out.view(shape) if summed and len(dims) else out


def _pair(a: Tensor, b: Tensor, summed: list[int]) -> Tensor:
    """`(a * b).sum(summed, keepdim=True)` as one batched matrix product."""
    groups: dict[str, list[int]] = {"batch": [], "left": [], "right": [], "sum": list(summed)}
    for d in range(a.ndim):
        if d not in summed:
            n, m = a.shape[d] != 1, b.shape[d] != 1
            groups["batch" if n == m else "left" if n else "right"].append(d)
    batch, left, right = groups["batch"], groups["left"], groups["right"]
    many, rows, inner = (math.prod(a.shape[d] for d in dims) for dims in (batch, left, summed))
    x = a.permute(*batch, *left, *summed, *right).reshape(many, rows, inner)
    y = b.permute(*batch, *summed, *right, *left).reshape(many, inner, math.prod(b.shape[d] for d in right))
    out = bmm(x, y)
    shape = [
        *(a.shape[d] for d in batch),
        *(a.shape[d] for d in left),
        *(1 for _ in summed),
        *(b.shape[d] for d in right),
    ]
    order = [*batch, *left, *summed, *right]
    return out.view(*shape).permute(*(order.index(d) for d in range(a.ndim)))  # type: ignore[no-any-return]
