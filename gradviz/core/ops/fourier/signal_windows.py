"""Windows: weights that fade out towards both ends of a stretch of a signal.

`torch.signal.windows` has them as functions of evenly spaced places, symmetric unless told otherwise; the older
`torch.hann_window` and its like are periodic unless told otherwise, which is one longer and cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from ...dtype import bfloat16, dtype, float16, float32, float64, get_default_dtype
from ...errors import noted
from ...mode import no_grad
from ...op import FUNCTIONS, function
from ...tensor import Tensor
from ..creation.ranges import arange, linspace
from ..elements.bessel import i0
from ..shapes.reshape import unsqueeze

Values = Callable[[Tensor], Any]


def _ones(size: tuple[int, ...], **options: Any) -> Tensor:
    made: Tensor = FUNCTIONS["ones"](size, **options)
    return made


# -- torch.signal.windows ------------------------------------------------------------------------------------------
def window(name: str, start: float, step: float, values: Values, *, single: bool = True) -> Any:
    """The window `values` of M places, `step` apart; `single`: one place alone has weight 1 and is not computed."""

    def make(M: int, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        kind = get_default_dtype() if dtype is None else dtype
        check(name, M, kind, layout)
        if M == 0 or (M == 1 and single):
            return _ones((M,), dtype=kind, device=device, requires_grad=requires_grad)
        places = linspace(start, start + (M - 1) * step, M, dtype=kind, device=device, requires_grad=requires_grad)
        made: Tensor = values(places)
        return made

    return make


def check(name: str, M: int, kind: dtype, layout: Any) -> None:
    """Raise PyTorch's ValueError for a length, layout or type that no window has."""
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not None and str(layout) != "torch.strided":
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if kind not in (float32, float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {kind}")


def spaces(M: int, sym: bool) -> int:
    """How many steps lead from one end to the other, or to the place where a periodic window begins again."""
    return max(M - 1 if sym else M, 1)


@function(space="signal.windows")
def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, **options: Any) -> Tensor:
    """A sum of cosines with the weights `a`, of alternating signs."""
    check("general_cosine", M, options.get("dtype") or get_default_dtype(), options.get("layout"))
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = [(-1) ** i * w for i, w in enumerate(a)]
    if not weights:
        raise ValueError("Coefficients cannot be empty")

    def values(places: Tensor) -> Any:
        kept: dict[str, Any] = {"dtype": places.dtype, "device": places.device}
        signed = unsqueeze(FUNCTIONS["tensor"](weights, **kept), -1)
        each = unsqueeze(arange(len(weights), **kept), -1) * unsqueeze(places, 0)
        return (signed * each.cos()).sum(0)

    made: Tensor = window("general_cosine", 0.0, 2 * math.pi / spaces(M, sym), values)(M, **options)
    return made


@function(space="signal.windows")
def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Tensor:
    """A raised cosine: `alpha` and 1 - `alpha` as the weights of `general_cosine`."""
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, **options)


@function(space="signal.windows")
def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """The raised cosine that does not quite reach zero."""
    return general_hamming(M, sym=sym, **options)


@function(space="signal.windows")
def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """The raised cosine that reaches zero."""
    return general_hamming(M, alpha=0.5, sym=sym, **options)


@function(space="signal.windows")
def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Three cosines, with lower side lobes than two have."""
    check("blackman", M, options.get("dtype") or get_default_dtype(), options.get("layout"))
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, **options)


@function(space="signal.windows")
def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Four cosines, with lower side lobes than three have."""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, **options)


@function(space="signal.windows")
def bartlett(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """A triangle."""
    made: Tensor = window("bartlett", -1.0, 2 / spaces(M, sym), lambda k: 1 - k.abs())(M, **options)
    return made


@function(space="signal.windows")
def cosine(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Half a wave of a sine."""
    step = math.pi / max(M if sym or M <= 1 else M + 1, 1)
    made: Tensor = window("cosine", 0.5 * step, step, lambda k: k.sin(), single=False)(M, **options)
    return made


@function(space="signal.windows")
def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **options: Any
) -> Tensor:  # fmt: skip
    """exp(-|n - center| / tau)."""
    check("exponential", M, options.get("dtype") or get_default_dtype(), options.get("layout"))
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    if center is None:
        center = (M if not sym and M > 1 else M - 1) / 2.0
    made: Tensor = window("exponential", -center / tau, 1 / tau, lambda k: (-k.abs()).exp(), single=False)(M, **options)
    return made


@function(space="signal.windows")
def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **options: Any) -> Tensor:
    """The bell curve of standard deviation `std`."""
    check("gaussian", M, options.get("dtype") or get_default_dtype(), options.get("layout"))
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    step = 1 / (std * math.sqrt(2))
    start = -(M if not sym and M > 1 else M - 1) / 2.0 * step
    made: Tensor = window("gaussian", start, step, lambda k: (-(k**2)).exp(), single=False)(M, **options)
    return made


@function(space="signal.windows")
def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **options: Any) -> Tensor:
    """The window that nearly has the most of its energy in the middle, for a main lobe as wide as `beta` makes it."""
    check("kaiser", M, options.get("dtype") or get_default_dtype(), options.get("layout"))
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")

    def values(k: Tensor) -> Any:
        most = FUNCTIONS["tensor"](float(beta), dtype=k.dtype, device=k.device)
        return i0.call((most * most - FUNCTIONS["pow"](k, 2)).sqrt()) / i0.call(most)

    made: Tensor = window("kaiser", -float(beta), 2.0 * beta / spaces(M, sym), values)(M, **options)
    return made


# -- torch.hann_window and its like --------------------------------------------------------------------------------
def _old(name: str, length: int, periodic: bool, options: dict[str, Any], values: Callable[[Tensor, int], Any]) -> Any:
    """`values(n, last)` for n = 0, 1, ... up to the last place, which a periodic window leaves out."""
    wants_gradient = options.pop("requires_grad", False)
    kind = options.get("dtype") or get_default_dtype()
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    if kind not in (float16, bfloat16, float32, float64):
        raise noted(RuntimeError(f"{name} expects floating point dtypes, got: TensorOptions(dtype={kind}"))
    if length < 2:
        return _ones((length,), requires_grad=wants_gradient, **options)
    last = length if periodic else length - 1
    with no_grad():
        places = arange(length, **{**options, "dtype": kind})
        made = values(places, last)
    return made.requires_grad_() if wants_gradient else made


@function(method=False)
def hann_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """The raised cosine that reaches zero."""
    return hamming_window(window_length, periodic, 0.5, 0.5, _name="hann_window", **options)


@function(method=False)
def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *,
    _name: str = "hamming_window", **options: Any,
) -> Tensor:  # fmt: skip
    """`alpha - beta * cos(2 pi n / N)`."""

    def values(n: Tensor, last: int) -> Any:
        return alpha - (n * (2 * math.pi / last)).cos() * beta

    made: Tensor = _old(_name, window_length, periodic, options, values)
    return made


@function(method=False)
def bartlett_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """A triangle."""

    def values(n: Tensor, last: int) -> Any:
        return 1 - (n * (2 / last) - 1).abs()

    made: Tensor = _old("bartlett_window", window_length, periodic, options, values)
    return made


@function(method=False)
def blackman_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """Three cosines, with lower side lobes than two have."""

    def values(n: Tensor, last: int) -> Any:
        turns = n * (math.pi / last)
        return (turns * 4).cos() * 0.08 - (turns * 2).cos() * 0.5 + 0.42

    made: Tensor = _old("blackman_window", window_length, periodic, options, values)
    return made


@function(method=False)
def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, **options: Any) -> Tensor:
    """The window that nearly has the most of its energy in the middle, for a main lobe as wide as `beta` makes it."""

    def values(n: Tensor, last: int) -> Any:
        side = n * (2 / last) - 1
        top: Tensor = i0.call(((1 - side * side).clamp(min=0)).sqrt() * beta)
        return top / i0.call(FUNCTIONS["tensor"](float(beta), dtype=n.dtype, device=n.device))

    made: Tensor = _old("kaiser_window", window_length, periodic, options, values)
    return made
