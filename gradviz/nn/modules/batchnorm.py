"""Batch normalisation: each channel by the mean and variance of the batch."""

from __future__ import annotations

from typing import Any

from gradviz.core.dtype import int64
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .. import functional as F
from .. import init
from .linear import empty_parameter
from .module import Module


class _BatchNorm(Module):
    """What batch normalisation of any number of dimensions shares.

    Training uses the batch's statistics and moves the running ones towards them by `momentum` (None: their plain mean);
    evaluation uses the running ones. Ioffe and Szegedy, 2015.
    """

    _version = 2
    dims: tuple[int, ...] = ()
    wanted = ""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            made = empty_parameter(num_features, device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, made)
        buffers = {
            "running_mean": FUNCTIONS["zeros"](num_features, device=device, dtype=dtype),
            "running_var": FUNCTIONS["ones"](num_features, device=device, dtype=dtype),
            "num_batches_tracked": FUNCTIONS["tensor"](0, dtype=int64, device=device),
        }
        for name, value in buffers.items():
            self.register_buffer(name, value if track_running_stats else None)
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
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self.dims:
            raise ValueError(f"expected {self.wanted} input (got {input.ndim}D input)")
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
            state_dict[key] = self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L). https://docs.pytorch.org/docs/2.13/generated/torch.nn.BatchNorm1d.html"""

    dims, wanted = (2, 3), "2D or 3D"


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W). https://docs.pytorch.org/docs/2.13/generated/torch.nn.BatchNorm2d.html"""

    dims, wanted = (4,), "4D"
