"""MobileNetV2: cheap convolutions for small machines (Sandler et al., 2018, https://arxiv.org/abs/1801.04381)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradviz import nn
from gradviz.core.tensor import Tensor
from gradviz.nn import functional as F

from .registry import register_model

Norm = Callable[..., nn.Module]
# Per stage: how much the blocks widen, their output channels, how many there are, the stride of the first.
STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip


class Conv2dNormActivation(nn.Sequential):
    """A convolution that keeps the size (at stride 1), its norm, and ReLU6."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1, groups: int = 1,
        norm_layer: Norm = nn.BatchNorm2d,
    ) -> None:  # fmt: skip
        super().__init__(
            nn.Conv2d(
                in_channels, out_channels, kernel_size, stride, (kernel_size - 1) // 2, groups=groups, bias=False
            ),
            norm_layer(out_channels),
            nn.ReLU6(inplace=True),
        )
        self.out_channels = out_channels


class InvertedResidual(nn.Module):
    """Widen with 1 x 1, convolve each channel by itself, narrow with 1 x 1; add the input where the shapes agree."""

    def __init__(
        self, inp: int, oup: int, stride: int, expand_ratio: int, norm_layer: Norm | None = None
    ) -> None:  # fmt: skip
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        norm, wide = norm_layer or nn.BatchNorm2d, round(inp * expand_ratio)
        self.stride, self.out_channels = stride, oup
        self.use_res_connect = stride == 1 and inp == oup
        widen = [Conv2dNormActivation(inp, wide, kernel_size=1, norm_layer=norm)] if expand_ratio != 1 else []
        self.conv = nn.Sequential(
            *widen,
            Conv2dNormActivation(wide, wide, stride=stride, groups=wide, norm_layer=norm),
            nn.Conv2d(wide, oup, 1, 1, 0, bias=False),
            norm(oup),
        )
        self._is_cn = stride > 1

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return x + out if self.use_res_connect else out


class MobileNetV2(nn.Module):
    """A stem, inverted residual blocks, means over all places, dropout and one linear layer.

    `width_mult` scales the channels, rounded to multiples of `round_nearest`; `inverted_residual_setting` are rows such
    as those of STAGES. Shape: (N, 3, H, W) -> (N, num_classes).
    https://docs.pytorch.org/vision/stable/models/mobilenetv2.html
    """

    def __init__(
        self, num_classes: int = 1000, width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None, round_nearest: int = 8,
        block: Callable[..., nn.Module] | None = None, norm_layer: Norm | None = None, dropout: float = 0.2,
    ) -> None:  # fmt: skip
        super().__init__()
        block, norm = block or InvertedResidual, norm_layer or nn.BatchNorm2d
        stages = STAGES if inverted_residual_setting is None else inverted_residual_setting
        if not stages or any(len(row) != 4 for row in stages):
            raise ValueError(
                f"inverted_residual_setting should be non-empty or a 4-element list, got {inverted_residual_setting}"
            )
        channels = _make_divisible(32 * width_mult, round_nearest)
        self.last_channel = _make_divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [Conv2dNormActivation(3, channels, stride=2, norm_layer=norm)]
        for expand, base, count, first_stride in stages:
            out = _make_divisible(base * width_mult, round_nearest)
            for i in range(count):
                stride = first_stride if i == 0 else 1
                features.append(block(channels, out, stride, expand_ratio=expand, norm_layer=norm))
                channels = out
        features.append(Conv2dNormActivation(channels, self.last_channel, kernel_size=1, norm_layer=norm))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), nn.Linear(self.last_channel, num_classes))
        for module in self.modules():
            _initialise(module)

    def forward(self, x: Tensor) -> Tensor:
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1)).flatten(1)
        out: Tensor = self.classifier(x)
        return out


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.ones_(module.weight)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
    if isinstance(module, (nn.Conv2d, nn.BatchNorm2d, nn.Linear)) and module.bias is not None:
        nn.init.zeros_(module.bias)


def _make_divisible(v: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to v, but never more than a tenth below it."""
    near = max(divisor, int(v + divisor / 2) // divisor * divisor)
    return near + divisor if near < 0.9 * v else near


@register_model
def mobilenet_v2(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> MobileNetV2:
    """MobileNetV2; `kwargs` as of the class."""
    return MobileNetV2(**kwargs)
