"""Batch normalisation: each channel by the mean and variance of the batch."""

from __future__ import annotations

from typing import Any, ClassVar

from gradviz.core.dtype import int64
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .. import functional as F
from ..parameter import UninitializedBuffer, UninitializedParameter
from .lazy import _Drawn
from .linear import register_affine, reset_affine
from .module import Module

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def _no_batches(device: Any) -> Any:
    return FUNCTIONS["tensor"](0, dtype=int64, device=device)


class _NormBase(Module):
    """What normalising by channel shares: a scale and a shift for each channel, running statistics of the batches."""

    _version = 2
    _dims: ClassVar[tuple[int, ...]] = ()  # how many dimensions an input may have

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        register_affine(self, (num_features,), affine, bias, device, dtype)
        made: tuple[Any, ...] = (None, None, None)
        if track_running_stats:
            mean, var = (FUNCTIONS[name](num_features, device=device, dtype=dtype) for name in ("zeros", "ones"))
            made = (mean, var, _no_batches(device))
        for name, value in zip(STATISTICS, made, strict=True):
            self.register_buffer(name, value)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the batches seen."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Scale by one, shift by zero, forget the batches seen."""
        self.reset_running_stats()
        reset_affine(self)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self._dims:
            wanted = " or ".join(f"{n}D" for n in self._dims)
            raise ValueError(f"expected {wanted} input (got {input.ndim}D input)")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        version = local_metadata.get("version")
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            # Before version 2 batches were not counted.
            counted = self.num_batches_tracked
            state_dict[key] = _no_batches(None) if counted is None else counted
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    """What batch normalisation of any number of dimensions shares.

    Training uses the batch's statistics and moves the running ones towards them by `momentum` (None: their plain mean);
    evaluation uses the running ones. Ioffe and Szegedy, 2015.
    """

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / self.num_batches_tracked.item()
        by_batch = self.training or (self.running_mean is None and self.running_var is None)
        running = (self.running_mean, self.running_var)
        if self.training and not self.track_running_stats:
            running = (None, None)
        return F.batch_norm(input, *running, self.weight, self.bias, by_batch, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L). See BatchNorm2d.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.BatchNorm1d.html
    """

    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of pictures: `(x - mean) / sqrt(var + eps) * weight + bias`, for each channel.

    Shape: (N, C, H, W) -> the same; `weight` and `bias` are (C) and start as 1 and 0. While training, mean and variance
    are the batch's, and `running_mean` and `running_var` move towards them by `momentum` (None: they are plain means of
    all batches); in evaluation the running ones are used. Raises ValueError for another number of dimensions, and where
    a batch has one value per channel. https://docs.pytorch.org/docs/2.13/generated/torch.nn.BatchNorm2d.html
    """

    _dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (N, C, D, H, W). See BatchNorm2d.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.BatchNorm3d.html
    """

    _dims = (5,)


# -- lazy ----------------------------------------------------------------------------------------------------------
class _LazyNormBase(_Drawn, _NormBase):
    """A normalising layer whose `num_features` are those of its first input."""

    _told = "num_features"

    def __init__(
        self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            if wanted:
                setattr(self, name, UninitializedParameter(device=device, dtype=dtype))
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = _no_batches(device)

    def initialize_parameters(self, input: Tensor) -> None:
        if not self.has_uninitialized_params():
            return
        self.num_features = input.shape[1]
        waiting = (self.weight, self.bias) if self.affine else ()
        if self.track_running_stats:
            waiting = (*waiting, self.running_mean, self.running_var)
        for tensor in waiting:
            if tensor is not None:
                tensor.materialize((self.num_features,))
        self.reset_parameters()


class LazyBatchNorm1d(_LazyNormBase, _BatchNorm):
    """BatchNorm1d that learns `num_features` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyBatchNorm1d.html
    """

    cls_to_become, _dims = BatchNorm1d, BatchNorm1d._dims


class LazyBatchNorm2d(_LazyNormBase, _BatchNorm):
    """BatchNorm2d that learns `num_features` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyBatchNorm2d.html
    """

    cls_to_become, _dims = BatchNorm2d, BatchNorm2d._dims


class LazyBatchNorm3d(_LazyNormBase, _BatchNorm):
    """BatchNorm3d that learns `num_features` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyBatchNorm3d.html
    """

    cls_to_become, _dims = BatchNorm3d, BatchNorm3d._dims
