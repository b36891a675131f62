"""VGG: nothing but 3 x 3 convolutions and pooling (Simonyan and Zisserman, 2014, https://arxiv.org/abs/1409.1556)."""

from __future__ import annotations

from typing import Any

from gradviz import nn
from gradviz.core.tensor import Tensor

from .registry import register_model

# Channels of the convolutions in order; "M" halves the image. The letters are the columns of the paper's table 1.
_TOP: list[int | str] = [64, "M", 128, "M"]
_DEEP: list[int | str] = [64, 64, "M", 128, 128, "M"]
cfgs: dict[str, list[int | str]] = {
    "A": _TOP + [256, 256, "M"] + [512, 512, "M"] * 2,
    "B": _DEEP + [256, 256, "M"] + [512, 512, "M"] * 2,
    "D": _DEEP + [256, 256, 256, "M"] + [512, 512, 512, "M"] * 2,
    "E": _DEEP + [256, 256, 256, 256, "M"] + [512, 512, 512, 512, "M"] * 2,
}


class VGG(nn.Module):
    """`features`, means over 7 x 7 fields, then three linear layers.

    Shape: (N, 3, H, W) -> (N, num_classes), H and W at least 32.
    https://docs.pytorch.org/vision/stable/models/vgg.html
    """

    def __init__(
        self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:  # fmt: skip
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, num_classes),
        )
        if init_weights:
            for module in self.modules():
                _initialise(module)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return out


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.constant_(module.bias, 0)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.constant_(module.weight, 1)
        nn.init.constant_(module.bias, 0)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.constant_(module.bias, 0)


def make_layers(cfg: list[int | str], batch_norm: bool = False) -> nn.Sequential:
    """The convolutions of a column of `cfgs`."""
    layers: list[nn.Module] = []
    channels = 3
    for entry in cfg:
        if isinstance(entry, str):
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        norm = [nn.BatchNorm2d(entry)] if batch_norm else []
        layers += [nn.Conv2d(channels, entry, kernel_size=3, padding=1), *norm, nn.ReLU(inplace=True)]
        channels = entry
    return nn.Sequential(*layers)


def _constructor(name: str, cfg: str, batch_norm: bool) -> Any:
    def build(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
        return VGG(make_layers(cfgs[cfg], batch_norm=batch_norm), **kwargs)

    depth = name.removeprefix("vgg").removesuffix("_bn")
    build.__name__ = build.__qualname__ = name
    build.__doc__ = f"VGG with {depth} layers that have weights{', with batch norm' if batch_norm else ''}."
    return register_model(build)


vgg11, vgg13, vgg16, vgg19 = (
    _constructor(f"vgg{n}", cfg, False) for n, cfg in zip((11, 13, 16, 19), "ABDE", strict=True)
)
vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn = (
    _constructor(f"vgg{n}_bn", cfg, True) for n, cfg in zip((11, 13, 16, 19), "ABDE", strict=True)
)
