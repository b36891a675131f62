"""What clipping would do to the gradients of a training: their norms, and how an element-wise limit changes them.

Of a gradient with few elements everything is kept. Of a large one, what a limit on each element would do is worked out
while the gradient is there, for limits at every half octave and those asked for: the gradient itself is not kept.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gradviz.core import events
from gradviz.core.tensor import Tensor
from gradviz.nn.utils.clip_grad import clip_grad_norm_, clip_grad_value_, get_total_norm
from gradviz.optim.step_hooks import register_optimizer_step_pre_hook

TYPES = (1.0, 2.0, math.inf)
SMALL = 16  # elements of a gradient that is kept whole
EDGES = tuple(2.0 ** (j / 2) for j in range(-60, 41))  # 1e-9 to 1e6
Array = Any


@dataclass
class Cut:
    """What `clip_grad_value_(limit)` would do to one gradient: norms afterwards, the turn, the share of elements."""

    one: float
    two: float
    most: float
    degrees: float
    share: float

    def norm(self, order: float) -> float:
        return {1.0: self.one, 2.0: self.two}.get(order, self.most)


@dataclass
class GradientStep:
    """The gradient of one step, before clipping; `done` says what the training itself did to it ('' if nothing)."""

    step: int
    norms: tuple[float, float, float]  # by TYPES, as get_total_norm gives them
    size: int
    whole: list[float] | None
    cuts: dict[float, Cut]
    done: str = ""
    held: float | None = None  # the norm that the training itself scaled it to, if it did
    single: bool = True  # whether the engine computes with it in single precision

    @property
    def kind(self) -> Any:
        """The NumPy type of its precision."""
        return np.float32 if self.single else np.float64

    def norm(self, order: float) -> float:
        return self.norms[TYPES.index(order)]


def tensors(arrays: Iterable[Array]) -> list[Tensor]:
    return [Tensor._of(array) for array in arrays]


def norms_of(arrays: Sequence[Array]) -> tuple[float, float, float]:
    """The three norms of all elements together, by the engine."""
    with np.errstate(all="ignore"):
        one, two, most = (float(get_total_norm(tensors(arrays), order).item()) for order in TYPES)
    return one, two, most


def clipped(arrays: Sequence[Array], mode: str, limit: float, order: float) -> list[Array]:
    """The gradients after the engine's own clipping; the given ones stay as they are."""
    given = []
    for array in arrays:
        holder = Tensor._of(array)
        holder.grad = Tensor._of(array.copy())
        given.append(holder)
    with np.errstate(all="ignore"):
        if mode == "norm":
            clip_grad_norm_(given, limit, order)
        else:
            clip_grad_value_(given, limit)
    return [holder.grad._array for holder in given]


def degrees(before: Sequence[Array], after: Sequence[Array]) -> float:
    """The angle between two gradients; 0 where one has no direction."""
    a, b = (np.concatenate([np.ravel(x) for x in arrays]).astype(np.float64) for arrays in (before, after))
    return angle(float(a @ a), float(b @ b), float(a @ b))


def angle(aa: float, bb: float, ab: float) -> float:
    """The angle from a·a, b·b and a·b; the cosine is held within its range, and less than a millionth is rounding."""
    if not (aa > 0 and bb > 0 and math.isfinite(aa + bb + ab)):
        return 0.0
    found = math.degrees(math.acos(max(-1.0, min(1.0, ab / math.sqrt(aa * bb)))))
    return found if found > 1e-4 else 0.0


def cuts(arrays: Sequence[Array], edges: Array) -> dict[float, Cut]:
    """`Cut` for each of the sorted limits, in one pass over the elements."""
    sizes = np.abs(np.concatenate([np.ravel(a) for a in arrays]).astype(np.float64))
    if not np.isfinite(sizes).all():
        bad = Cut(math.nan, math.nan, math.nan, 0.0, 0.0)
        return {float(edge): bad for edge in edges}
    place = np.searchsorted(edges, sizes, side="left")  # edges[place - 1] < size <= edges[place]
    count = np.bincount(place, minlength=len(edges) + 1)
    total = np.bincount(place, weights=sizes, minlength=len(edges) + 1)
    square = np.bincount(place, weights=sizes * sizes, minlength=len(edges) + 1)
    all_square, top = float(square.sum()), float(sizes.max(initial=0.0))
    found = {}
    for i, edge in enumerate(edges):
        c, above = float(edge), int(count[i + 1 :].sum())
        one = float(total[: i + 1].sum()) + c * above
        two = float(square[: i + 1].sum()) + c * c * above
        dot = float(square[: i + 1].sum()) + c * float(total[i + 1 :].sum())
        turn = angle(all_square, two, dot) if above else 0.0
        found[c] = Cut(one, math.sqrt(two), min(top, c), turn, above / max(sizes.size, 1))
    return found


def measured(
    step: int, arrays: Sequence[Array], limits: Iterable[float], done: str = "", held: float | None = None
) -> GradientStep:
    """Everything that is kept of one gradient."""
    size = sum(int(np.size(a)) for a in arrays)
    whole = [float(v) for a in arrays for v in np.ravel(a)] if size <= SMALL else None
    edges = np.array(sorted({*EDGES, *(float(limit) for limit in limits)}))
    single = not any(a.dtype == np.float64 for a in arrays)
    return GradientStep(step, norms_of(arrays), size, whole, cuts(arrays, edges), done, held, single)


# -- from a training ---------------------------------------------------------------------------------------------------
class ClipLog:
    """Watches a training: at every step of an optimiser, the gradient as backward left it, and what was done to it.

        with ClipView.record(model) as log:
            train(model)
        ClipView(log, max_norm=1.0)

    Nothing of the model is changed. A gradient is measured in one pass (a tenth of a second for a million elements)
    and not kept.

    Args:
        model: a module, an optimizer, or an iterable of parameters.
        limits: values of `clip_value` that `ClipView` is to show exactly; it knows every half octave anyway.
        most: how many steps are kept; after that, later ones are counted but not kept.
    """

    def __init__(self, model: Any, limits: Iterable[float] = (), most: int = 5000) -> None:
        self.params = _parameters(model)
        self.limits = sorted(float(limit) for limit in limits)
        self.most, self.seen = most, 0
        self.steps: list[GradientStep] = []
        self._raw: list[Array | None] | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(events.observe(self._hear))
        handle = register_optimizer_step_pre_hook(self._before_step)
        self._stack.callback(handle.remove)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
        self._raw = None

    def __repr__(self) -> str:
        return f"ClipLog({len(self.steps)} steps of {len(self.params)} parameters)"

    def _grads(self) -> list[Array | None]:
        return [None if p.grad is None else p.grad.device.to_numpy(p.grad._array) for p in self.params]

    def _hear(self, event: Any) -> None:
        if isinstance(event, events.BackwardEnd):
            self._raw = [None if g is None else np.array(g) for g in self._grads()]

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        mine = {id(p) for p in self.params}
        if not any(id(p) in mine for group in optimizer.param_groups for p in group["params"]):
            return
        now, raw = self._grads(), self._raw
        if raw is None:  # backward ran where it could not be heard
            raw = [None if g is None else np.array(g) for g in now]
        self._raw = None
        pairs = [(a, b) for a, b in zip(raw, now, strict=True) if a is not None and b is not None]
        self.seen += 1
        if pairs and len(self.steps) < self.most:
            before, after = [a for a, _ in pairs], [b for _, b in pairs]
            self.steps.append(measured(self.seen - 1, before, self.limits, *what_was_done(before, after)))


def what_was_done(before: Sequence[Array], after: Sequence[Array]) -> tuple[str, float | None]:
    """How a gradient was changed between backward and the step, in words ('' where it was not); and the norm that all
    of it was scaled down to, None where it was not."""
    if all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True)):
        return "", None
    old, new = norms_of(before), norms_of(after)
    a, b = (np.concatenate([np.ravel(x) for x in arrays]).astype(np.float64) for arrays in (before, after))
    factor = new[1] / old[1] if old[1] else math.nan
    if np.allclose(b, a * factor, rtol=1e-4, atol=1e-6 * max(new[2], 1e-30)):
        return f"all ×{factor:.4g}: norm {old[1]:.4g} → {new[1]:.4g}", new[1] if factor < 1 else None
    limit, turned = new[2], f"turned by {degrees(before, after):.3g}°"
    if np.allclose(b, np.clip(a, -limit, limit), rtol=1e-5, atol=0):
        return f"{int((np.abs(a) > limit).sum())} elements held at ±{limit:.4g}, {turned}", None
    return f"changed in another way, {turned}", None


def _parameters(model: Any) -> list[Any]:
    if isinstance(model, Tensor):
        found = [model]
    elif hasattr(model, "param_groups"):
        found = [p for group in model.param_groups for p in group["params"]]
    else:
        found = list(model.parameters() if hasattr(model, "parameters") else model)
    if not found or not all(isinstance(p, Tensor) for p in found):
        raise TypeError(
            "ClipView.record needs a module, an optimizer, or an iterable of parameters, with at least one."
        )
    return found


# -- from gradients that are there ------------------------------------------------------------------------------------
def listed(gradients: Any, limits: Iterable[float]) -> tuple[list[GradientStep], list[str]]:
    """Steps from a list of gradients, each a vector or a dict of arrays by name; and the names of their elements."""
    found: list[GradientStep] = []
    names: list[str] = []
    shape: Any = None
    for k, gradient in enumerate(gradients):
        pieces = dict(gradient) if isinstance(gradient, Mapping) else {"g": gradient}
        arrays = [_array(piece, k) for piece in pieces.values()]
        if not arrays or not sum(int(a.size) for a in arrays):
            raise ValueError(f"The gradient of step {k} has no elements.")
        form = [(name, a.shape) for name, a in zip(pieces, arrays, strict=True)]
        if shape is not None and form != shape:
            raise ValueError(
                f"The gradient of step {k} is {_form(form)}, and that of step 0 {_form(shape)}: they must be the same."
            )
        shape = form
        found.append(measured(k, arrays, limits))
        if not names and found[0].whole is not None:
            names = [
                str(name) if a.size == 1 else f"{name}[{i}]"
                for name, a in zip(pieces, arrays, strict=True)
                for i in range(a.size)
            ]
    if not found:
        raise ValueError("ClipView was given no gradients: there is nothing to show.")
    return found, names


def _array(piece: Any, k: int) -> Array:
    """A gradient in the precision it has; plain numbers become single precision, as they would in a tensor."""
    try:
        if isinstance(piece, Tensor):
            array = np.array(piece.device.to_numpy(piece._array))
        elif isinstance(piece, np.ndarray):
            array = np.array(piece)
        else:
            array = np.array(piece.tolist() if hasattr(piece, "tolist") else piece, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise TypeError(f"The gradient of step {k} is not made of numbers: {error}.") from error
    if array.dtype.kind not in "fiu":
        raise TypeError(f"The gradient of step {k} is not made of numbers, but of {array.dtype}.")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)


def _form(form: Any) -> str:
    return ", ".join(f"{name} {tuple(shape)}" for name, shape in form)
