"""Instance normalisation: each channel of each sample by its own mean and variance."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor

from .. import functional as F
from .batchnorm import _LazyNormBase, _NormBase


class _InstanceNorm(_NormBase):
    """What instance normalisation of any number of dimensions shares.

    Neither a scale and shift nor running statistics unless asked for: in training and in evaluation each sample's own
    numbers count. Ulyanov, Vedaldi and Lempitsky, 2016.
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        alone = self._dims[0]  # the dimensions of one sample
        dim = input.ndim - alone
        channels = input.shape[dim]
        if channels != self.num_features:
            self._other_channels(dim, channels)
        if input.ndim == alone:
            return self._normalised(input.unsqueeze(0)).squeeze(0)  # type: ignore[no-any-return]
        return self._normalised(input)

    def _other_channels(self, dim: int, channels: int) -> None:
        if self.affine:
            raise noted(
                ValueError(
                    f"expected input's size at dim={dim} to match num_features ({self.num_features}), but got: "
                    f"{channels}.\nThe scale and the shift have a number for each channel."
                )
            )
        warnings.warn(
            f"input's size at dim={dim} does not match num_features. You can silence this warning by not passing in "
            "num_features, which is not used because affine=False",
            stacklevel=3,
        )

    def _normalised(self, input: Tensor) -> Tensor:
        by_sample = self.training or not self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        return F.instance_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, by_sample, momentum, self.eps
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        if local_metadata.get("version") is None and not self.track_running_stats:
            # Files from before PyTorch 0.4 have statistics even if they are not used.
            found = [key for key in (prefix + "running_mean", prefix + "running_var") if key in state_dict]
            if found:
                kind, names = self._get_name(), " and ".join(f'"{key}"' for key in found)
                rest[-1].append(
                    f"Unexpected running stats buffer(s) {names} for {kind} with track_running_stats=False. If "
                    f"state_dict is a checkpoint saved before 0.4.0, this may be expected because {kind} does not "
                    "track running stats by default since 0.4.0. Please remove these keys from state_dict. If the "
                    f"running stats are actually needed, instead set track_running_stats=True in {kind} to enable "
                    f"them. See the documentation of {kind} for details."
                )
            for key in found:
                state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (N, C, L) or (C, L). See InstanceNorm2d.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.InstanceNorm1d.html
    """

    _dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of pictures: `(x - mean) / sqrt(var + eps)` for each channel of each sample.

    Shape: (N, C, H, W) or (C, H, W) -> the same. With `affine` then scaled and shifted by `weight` and `bias` (C); with
    `track_running_stats` evaluation uses running statistics. Raises ValueError for another number of dimensions.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.InstanceNorm2d.html
    """

    _dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (N, C, D, H, W) or (C, D, H, W). See InstanceNorm2d.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.InstanceNorm3d.html
    """

    _dims = (4, 5)


class LazyInstanceNorm1d(_LazyNormBase, _InstanceNorm):
    """InstanceNorm1d that learns `num_features` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyInstanceNorm1d.html
    """

    cls_to_become, _dims = InstanceNorm1d, InstanceNorm1d._dims


class LazyInstanceNorm2d(_LazyNormBase, _InstanceNorm):
    """InstanceNorm2d that learns `num_features` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyInstanceNorm2d.html
    """

    cls_to_become, _dims = InstanceNorm2d, InstanceNorm2d._dims


class LazyInstanceNorm3d(_LazyNormBase, _InstanceNorm):
    """InstanceNorm3d that learns `num_features` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyInstanceNorm3d.html
    """

    cls_to_become, _dims = InstanceNorm3d, InstanceNorm3d._dims
