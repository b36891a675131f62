"""Dropout as functions: while training, some numbers are zeroed at random, so that none is relied upon alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from gradviz.core.ops.layers import dropout as ops
from gradviz.core.tensor import Tensor

from .checks import probability


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """While training, zero each element with probability `p` and scale the others by `1 / (1 - p)`."""
    return (ops.dropout_ if inplace else ops.dropout)(input, probability(p), training)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps the mean and variance of SELU's activations. Klambauer et al., 2017."""
    return (ops.alpha_dropout_ if inplace else ops.alpha_dropout)(input, probability(p), training)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Alpha dropout of whole channels: the same for all places of one (sample, channel)."""
    return (ops.feature_alpha_dropout_ if inplace else ops.feature_alpha_dropout)(input, probability(p), training)


# -- whole channels ------------------------------------------------------------------------------------------------
def _channels(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    return (ops.feature_dropout_ if inplace else ops.feature_dropout)(input, p, training)


def _as_batch(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    """A single sample (C, ...) as a batch of one."""
    batch = input.unsqueeze_(0) if inplace else input.unsqueeze(0)
    out = _channels(batch, p, training, inplace)
    return out.squeeze_(0) if inplace else out.squeeze(0)  # type: ignore[no-any-return]


def _exists(spatial: int) -> str:
    """What a dropout of channels is for, as PyTorch's messages say it."""
    have, low, high = (f"{spatial} spatial dimension{'s' * (spatial > 1)}", spatial + 1, spatial + 2)
    return (
        f"Note that dropout{spatial}d exists to provide channel-wise dropout on inputs with {have}, "
        f"a channel dimension, and an optional batch dimension (i.e. {low}D or {high}D inputs)."
    )


def _warn_rank(input: Tensor, spatial: int) -> None:
    if input.ndim not in (spatial + 1, spatial + 2):
        warnings.warn(
            f"dropout{spatial}d: Received a {input.ndim}-D input to dropout{spatial}d, which is deprecated and will "
            "result in an error in a future release. To retain the behavior and silence this warning, please use "
            f"dropout instead. {_exists(spatial)}",
            stacklevel=3,
        )


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (N, C, L) or (C, L)."""
    p = probability(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. {_exists(1)}")
    drop: Callable[..., Tensor] = _channels if input.ndim == 3 else _as_batch
    return drop(input, p, training, inplace)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (N, C, H, W); three dimensions are read as (N, C, L)."""
    p = probability(p)
    _warn_rank(input, 2)
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired "
            "- input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a "
            "future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain "
            "the 1D channel-wise dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return _channels(input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    p = probability(p)
    _warn_rank(input, 3)
    drop: Callable[..., Tensor] = _channels if input.ndim == 5 else _as_batch
    return drop(input, p, training, inplace)
