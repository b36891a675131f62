"""Which dimensions keep tensors from being combined: one small function for each family of operations.

Each is given the call and returns a Misfit: the marked dimensions of each input, what does not equal what, and a
sentence. Sizes are compared as the operation's own documentation says they must be.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gradviz.widgets.errors.calls import Call

Shape = tuple[int, ...]


class Misfit(NamedTuple):
    """`marks` are (input, dimension) pairs; `brief` is short enough for a box: `4 ≠ 5`."""

    marks: tuple[tuple[str, int], ...]
    brief: str
    sentence: str
    fix: str


def written(shape: Sequence[int], marked: Sequence[int] = ()) -> str:
    """`3×[4]`: a shape with the dimensions that do not fit in brackets; `()` for a single number."""
    return "×".join(f"[{n}]" if i in marked else str(n) for i, n in enumerate(shape)) or "()"


def misfit(call: Call) -> Misfit | None:
    """What does not fit in a call; None where its shapes are not the trouble."""
    for names, look in FAMILIES:
        if call.name.rstrip("_") in names:
            return look(call)
    return _broadcast(call) if "non-singleton" in call.text or "broadcast" in call.text else None


def _one(call: Call, a: str, i: int, b: str, j: int, why: str, fix: str) -> Misfit | None:
    """Dimension `i` of one input must equal dimension `j` of another."""
    shapes = dict(call.shapes)
    if a not in shapes or b not in shapes:
        return None
    i, j = i % max(len(shapes[a]), 1), j % max(len(shapes[b]), 1)
    if i >= len(shapes[a]) or j >= len(shapes[b]) or shapes[a][i] == shapes[b][j]:
        return None
    brief = f"{shapes[a][i]} ≠ {shapes[b][j]}"
    return Misfit(((a, i), (b, j)), brief, why.format(shapes[a][i], shapes[b][j]), fix)


def _product(call: Call) -> Misfit | None:
    """Rows times columns: the last dimension of the first must equal the second-last of the second."""
    pairs = [(n, s) for n, s in call.shapes if n not in ("bias", "out", "x")] if len(call.given) > 2 else call.shapes
    if len(pairs) < 2:
        return None
    (a, first), (b, second) = pairs[-2:]
    if not first or not second:
        return None
    why = "the first has {} columns and the second {} rows: for each row times column they must be equal."
    inner = -2 if len(second) > 1 else -1
    if len(first) == len(second) == 1:
        why = "a dot product takes two of the same length, and these have {} and {} elements."
    found = _one(call, a, -1, b, inner, why, "Transpose one of them (x.T), or make the sizes agree.")
    if found is None and len(first) > 2 and len(second) > 2:
        return _batches(Call(call.name, call.given[:2]))
    return found


def _batches(call: Call) -> Misfit | None:
    (a, first), (b, second) = call.shapes
    for back in range(3, min(len(first), len(second)) + 1):
        found = _one(call, a, len(first) - back, b, len(second) - back, "the batch sizes {} and {} differ.", BROADCAST)
        if found is not None and 1 not in (first[-back], second[-back]):
            return found
    return None


BROADCAST = "Counted from the right, sizes must be equal or 1: use .unsqueeze(), .reshape() or .T so that they line up."


def _broadcast(call: Call) -> Misfit | None:
    """Counted from the right, every pair of sizes must be equal or hold a 1."""
    for (a, first), (b, second) in itertools.combinations(call.shapes, 2):
        for back in range(1, min(len(first), len(second)) + 1):
            if first[-back] != second[-back] and 1 not in (first[-back], second[-back]):
                marks = ((a, len(first) - back), (b, len(second) - back))
                place = "the last" if back == 1 else f"the {_ORDER.get(back, f'{back}th')}-last"
                why = f"{place} dimensions are {first[-back]} and {second[-back]}: neither is 1, so none can be spread."
                return Misfit(marks, f"{first[-back]} ≠ {second[-back]}", why, BROADCAST)
    return None


_ORDER = {2: "second", 3: "third"}


def _linear(call: Call) -> Misfit | None:
    names = [name for name, _ in call.shapes]
    why = "what arrives has {} features, and the layer was made for {}."
    fix = "Make the layer with in_features of what arrives, or change what the layer before gives."
    return _one(call, names[0], -1, names[1], -1, why, fix) if len(names) > 1 else None


def _conv(call: Call) -> Misfit | None:
    shapes = call.shapes
    if len(shapes) < 2:
        return None
    (x, have), (w, weight) = shapes[:2]
    backward = "transpose" in call.name
    groups = call.settings.get("groups") or 1
    wanted = weight[0] if backward else weight[1] * int(groups)
    at = len(have) - len(weight) + 1
    if not 0 <= at < len(have):
        why = f"the weight wants {len(weight)} dimensions (or one less, without a batch), and {len(have)} arrive."
        return Misfit(
            tuple((x, i) for i in range(len(have))), f"{len(have)}-d", why, "Add a dimension: x.unsqueeze(0)."
        )
    if have[at] != wanted:
        why = f"{have[at]} channels arrive, and the kernels were made for {wanted}."
        fix = "Make the layer with in_channels of what arrives; images are (batch, channels, height, width)."
        return Misfit(((x, at), (w, 0 if backward else 1)), f"{have[at]} ≠ {wanted}", why, fix)
    kernel, image = weight[2:], have[at + 1 :]
    small = [i for i, (k, n) in enumerate(zip(kernel, image, strict=False)) if k > n]
    if small:
        why = f"the kernel ({written(kernel)}) is larger than the image ({written(image)})."
        marks = (*((x, at + 1 + i) for i in small), *((w, 2 + i) for i in small))
        return Misfit(marks, f"{image[small[0]]} < {kernel[small[0]]}", why, "Pad the image, or use a smaller kernel.")
    return None


def _join(call: Call) -> Misfit | None:
    """cat: equal but for one dimension; stack: all equal."""
    shapes = call.shapes
    dim = call.settings.get("dim", call.settings.get("axis", 0)) or 0
    a, first = shapes[0]
    along = None if "stack" in call.name else int(dim) % max(len(first), 1)
    if call.name in ("hstack", "vstack", "column_stack"):
        along = 0 if call.name == "vstack" or len(first) < 2 else 1
    for b, other in shapes[1:]:
        if len(other) != len(first):
            marks = (*((a, i) for i in range(len(first))), *((b, i) for i in range(len(other))))
            why = f"one tensor has {len(first)} dimensions and another {len(other)}."
            return Misfit(marks, f"{len(first)}-d ≠ {len(other)}-d", why, "Give them the same number of dimensions.")
        for i, (n, m) in enumerate(zip(first, other, strict=True)):
            if n != m and i != along:
                rule = "all sizes must be equal" if along is None else f"only dimension {along} may differ"
                why = f"{rule}, and dimension {i} is {n} in {a} and {m} in {b}."
                fix = "Join along the dimension that differs (dim=...), or transpose one of them."
                return Misfit(((a, i), (b, i)), f"{n} ≠ {m}", why, fix)
    return None


def _reshape(call: Call) -> Misfit | None:
    """As many elements after as before."""
    name, have = call.shapes[0]
    size = next((v for k, v in call.settings.items() if k in ("shape", "size", "sizes") and v), None)
    if size is None:
        return None
    flat = size[0] if len(size) == 1 and isinstance(size[0], tuple | list) else size
    wanted = [int(n) for n in flat]
    count, rest = math.prod(have), math.prod(n for n in wanted if n != -1)
    if rest == count or (-1 in wanted and rest and count % rest == 0):
        return None
    text = "×".join("?" if n == -1 else str(n) for n in wanted)
    many = f"a multiple of {rest}" if -1 in wanted else str(rest)
    why = f"{count} elements cannot be laid out as {text}, which holds {many}."
    fix = "Write -1 for one size to have it worked out, or keep the product of the sizes."
    return Misfit(tuple((name, i) for i in range(len(have))), f"{count} ≠ {text}", why, fix)


def _expand(call: Call) -> Misfit | None:
    name, have = call.shapes[0]
    size = next((v for v in call.settings.values() if isinstance(v, tuple | list) and v), ())
    wanted = tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else tuple(size)
    for back in range(1, min(len(have), len(wanted)) + 1):
        if have[-back] not in (1, wanted[-back]) and wanted[-back] != -1:
            why = f"only a size of 1 can be spread, and this one is {have[-back]} where {wanted[-back]} is wanted."
            mark = ((name, len(have) - back),)
            return Misfit(
                mark, f"{have[-back]} ≠ {wanted[-back]}", why, "Use .repeat(), or unsqueeze a dimension first."
            )
    return None


def _classes(call: Call) -> Misfit | None:
    """One target for each row of scores: cross_entropy and nll_loss."""
    shapes = call.shapes
    if len(shapes) < 2 or not shapes[0][1] or not shapes[1][1]:
        return None
    (x, scores), (y, target) = shapes[:2]
    why = "there are {} rows of scores and {} targets: one target for each row."
    fix = "Scores are (batch, classes, ...), targets (batch, ...) of class numbers."
    if target != scores:
        found = _one(call, x, 0, y, 0, why, fix)
        if found is not None:
            return found
        places = scores[2:]
        if len(scores) > 1 and target[1:] != places:
            return Misfit(
                (*((x, i) for i in range(2, len(scores))), *((y, i) for i in range(1, len(target)))),
                f"{written(places)} ≠ {written(target[1:])}",
                f"each row of scores has {written(places)} places and each row of targets {written(target[1:])}.",
                fix,
            )
    return None


def _same(call: Call) -> Misfit | None:
    """Losses whose target must have the input's shape."""
    (x, have), (y, target) = call.shapes[:2]
    if have == target:
        return None
    if len(have) != len(target):
        marks = (*((x, i) for i in range(len(have))), *((y, i) for i in range(len(target))))
        why = f"the input has {len(have)} dimensions and the target {len(target)}."
        return Misfit(
            marks, f"{written(have)} ≠ {written(target)}", why, "Give both the same shape: target.view_as(input)."
        )
    i = next(i for i, (n, m) in enumerate(zip(have, target, strict=True)) if n != m)
    why = "the input has size {} and the target {} in one dimension: every number needs its own target."
    return _one(call, x, i, y, i, why, "Give both the same shape: target.view_as(input).")


def _normal(call: Call) -> Misfit | None:
    """layer_norm wants its last dimensions; batch_norm as many channels as it was made for."""
    shapes = call.shapes
    name, have = shapes[0]
    if call.name == "layer_norm":
        wanted = tuple(call.settings.get("normalized_shape") or ())
        last = have[len(have) - len(wanted) :]
        marks = tuple(
            (name, len(have) - len(wanted) + i) for i, (n, m) in enumerate(zip(last, wanted, strict=False)) if n != m
        )
        why = f"the last dimensions are {written(last)}, and the layer was made for {written(wanted)}."
        return Misfit(marks, f"{written(last)} ≠ {written(wanted)}", why, "Make the layer with the sizes that arrive.")
    why = "{} channels arrive, and the layer was made for {}."
    return (
        _one(call, name, 1, shapes[1][0], 0, why, "Make the layer with num_features of what arrives.")
        if len(shapes) > 1
        else None
    )


def _einsum(call: Call) -> Misfit | None:
    equation = next((v for v in (*call.settings.values(),) if isinstance(v, str)), "")
    operands = [v for v in call.settings.get("operands") or () if isinstance(v, str)]
    left = (equation or (operands[0] if operands else "")).partition("->")[0].replace(" ", "").split(",")
    seen: dict[str, tuple[str, int, int]] = {}
    for letters, (name, shape) in zip(left, call.shapes, strict=False):
        for i, letter in enumerate(letters if "." not in letters else ""):
            if i >= len(shape):
                break
            known = seen.setdefault(letter, (name, i, shape[i]))
            if known[2] != shape[i] and 1 not in (known[2], shape[i]):
                why = f"the letter {letter} is {known[2]} in one operand and {shape[i]} in another."
                fix = "One letter is one size: use another letter, or transpose an operand."
                return Misfit(((known[0], known[1]), (name, i)), f"{letter}: {known[2]} ≠ {shape[i]}", why, fix)
    return None


def _recurrent(call: Call) -> Misfit | None:
    size = getattr(call.settings.get("self"), "input_size", None)
    name, have = call.shapes[0]
    if size is None or not have or have[-1] == size:
        return None
    why = f"{have[-1]} features arrive at each step, and the layer was made for {size}."
    return Misfit(
        ((name, len(have) - 1),), f"{have[-1]} ≠ {size}", why, "Make the layer with input_size of what arrives."
    )


def _heads(call: Call) -> Misfit | None:
    size = getattr(call.settings.get("self"), "embed_dim", None) or call.settings.get("embed_dim_to_check")
    name, have = call.shapes[0]
    if size is None or not have or have[-1] == size:
        return None
    why = f"{have[-1]} features arrive, and the layer was made for {size}."
    return Misfit(
        ((name, len(have) - 1),), f"{have[-1]} ≠ {size}", why, "Make the layer with embed_dim of what arrives."
    )


FAMILIES: tuple[tuple[frozenset[str], Callable[[Call], Misfit | None]], ...] = (
    (frozenset({"matmul", "mm", "bmm", "mv", "dot", "addmm", "addmv", "baddbmm", "inner", "vdot"}), _product),
    (frozenset({"linear"}), _linear),
    (frozenset(f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)), _conv),
    (frozenset({"cat", "concat", "concatenate", "stack", "hstack", "vstack", "column_stack"}), _join),
    (frozenset({"view", "reshape", "unflatten"}), _reshape),
    (frozenset({"expand", "broadcast_to"}), _expand),
    (frozenset({"cross_entropy", "nll_loss"}), _classes),
    (frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits"}), _same),
    (frozenset({"layer_norm", "batch_norm"}), _normal),
    (frozenset({"einsum"}), _einsum),
    (frozenset({"LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"}), _recurrent),
    (frozenset({"MultiheadAttention", "multi_head_attention_forward"}), _heads),
    (frozenset({"index", "index write", "embedding", "split", "sum", "mean", "softmax", "log_softmax", "transpose"}),
     lambda call: None),
)  # fmt: skip
