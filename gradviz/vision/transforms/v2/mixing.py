"""MixUp and CutMix: two samples in one, after batching (https://arxiv.org/abs/1710.09412, 1905.04899)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.random import generator_for
from gradviz.core.tensor import Tensor
from gradviz.nn import functional as F
from gradviz.vision.tv_tensors import Image

from ..base import integer
from ..functional.kinds import is_pil, size_of
from .structure import Transform, flatten, images_among, rebuild, wrapped


def beta(alpha: float) -> float:
    """A number from the distribution Beta(alpha, alpha), drawn as `torch.distributions.Beta` draws it."""
    a = float(np.float32(alpha))
    x, y = _gamma(a), _gamma(a)
    return float(np.float32(x / (x + y)))


def _gamma(alpha: float) -> float:
    """A number from Gamma(alpha, 1), by Marsaglia and Tsang's method (ACM TOMS 26, 2000)."""
    draw = generator_for(CPU)
    scale = 1.0
    if alpha < 1.0:
        scale = (1.0 - float(draw.uniform(1, np.float64)[0])) ** (1.0 / alpha)
        alpha += 1.0
    d = alpha - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = float(draw.normal(1, np.float64)[0])
        y = 1.0 + c * x
        if y <= 0:
            continue
        v = y * y * y
        u = 1.0 - float(draw.uniform(1, np.float64)[0])
        if u < 1.0 - 0.0331 * x**4 or math.log(u) < 0.5 * x * x + d * (1.0 - v + math.log(v)):
            return max(scale * d * v, float(np.finfo(np.float64).tiny))


class _Mix(Transform):
    def __init__(self, *, alpha: float = 1.0, num_classes: int | None = None, labels_getter: Any = "default") -> None:
        super().__init__()
        self.alpha, self.num_classes = float(alpha), num_classes
        if labels_getter is not None and labels_getter != "default" and not callable(labels_getter):
            raise ValueError(f"labels_getter should either be 'default', a callable, or None, but got {labels_getter}.")
        self._labels_getter = _labels_of if labels_getter == "default" else labels_getter

    def _mixed(self, image: Tensor, params: Any) -> Tensor:
        raise NotImplementedError

    def _mixed_labels(self, labels: Tensor, share: float) -> Tensor:
        if labels.ndim == 1:
            if self.num_classes is None:
                raise ValueError("num_classes must be passed if the labels are index-based (i.e. if labels.ndim == 1)")
            labels = F.one_hot(labels, num_classes=self.num_classes)
        labels = labels if labels.is_floating_point() else labels.float()
        return labels.roll(1, 0).mul_(1.0 - share).add_(labels.mul(share))  # type: ignore[no-any-return]

    def forward(self, *inputs: Any) -> Any:
        name = type(self).__name__
        sample = inputs if len(inputs) > 1 else inputs[0]
        leaves: list[Any] = []
        flatten(sample, leaves)
        if any(is_pil(leaf) for leaf in leaves):
            raise ValueError(f"{name}() does not support PIL images, bounding boxes, keypoints and masks.")
        labels = self._labels_getter(sample) if self._labels_getter is not None else None
        if not isinstance(labels, Tensor):
            raise ValueError(f"The labels must be a tensor, but got {type(labels)} instead.")
        if labels.ndim not in (1, 2):
            raise ValueError(
                "labels should be index based with shape (batch_size,) or probability based with shape (batch_size, "
                f"num_classes), but got a tensor of shape {labels.shape} instead."
            )
        chosen = images_among([None if leaf is labels else leaf for leaf in leaves])
        images = [leaf for leaf, use in zip(leaves, chosen, strict=True) if use]
        for image in images:
            if image.ndim != 4:
                raise ValueError(f"Expected a batched input with 4 dims, but got {image.ndim} dimensions instead.")
            if image.shape[0] != labels.shape[0]:
                raise ValueError(
                    "The batch size of the image or video does not match the batch size of the labels: "
                    f"{image.shape[0]} != {labels.shape[0]}."
                )
        params = self.make_params(images)
        out = []
        for leaf, use in zip(leaves, chosen, strict=True):
            if leaf is labels:
                out.append(self._mixed_labels(leaf, params["share"]))
            else:
                out.append(wrapped(self._mixed(leaf, params), leaf) if use else leaf)
        return rebuild(sample, iter(out))


class MixUp(_Mix):
    """Every image of a batch mixed with the one before it, and so are the labels, as probabilities.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.MixUp.html
    """

    def make_params(self, flat_inputs: list[Any]) -> Any:
        return {"share": beta(self.alpha)}

    def _mixed(self, image: Tensor, params: Any) -> Tensor:
        share = params["share"]
        return image.roll(1, 0).mul_(1.0 - share).add_(image.mul(share))  # type: ignore[no-any-return]


class CutMix(_Mix):
    """A random rectangle of every image of a batch comes from the one before it; the labels are mixed accordingly.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.CutMix.html
    """

    def make_params(self, flat_inputs: list[Any]) -> Any:
        share = beta(self.alpha)
        h, w = size_of(flat_inputs[0])
        x, y = integer(0, w), integer(0, h)
        half = 0.5 * math.sqrt(1.0 - share)
        half_w, half_h = int(half * w), int(half * h)
        x1, y1, x2, y2 = max(x - half_w, 0), max(y - half_h, 0), min(x + half_w, w), min(y + half_h, h)
        return {"box": (x1, y1, x2, y2), "share": 1.0 - (x2 - x1) * (y2 - y1) / (w * h)}

    def _mixed(self, image: Tensor, params: Any) -> Tensor:
        x1, y1, x2, y2 = params["box"]
        out = image.clone()
        out[..., y1:y2, x1:x2] = image.roll(1, 0)[..., y1:y2, x1:x2]
        return out  # type: ignore[no-any-return]


def _labels_of(sample: Any) -> Any:
    """The labels of a batch (images, labels), or of a dict under a key with "label" in its name."""
    if isinstance(sample, (tuple, list)) and len(sample) == 2 and not isinstance(sample[1], (Image, dict)):
        return sample[1]
    parts = sample if isinstance(sample, dict) else next((p for p in sample if isinstance(p, dict)), {})
    key = next((k for k in parts if str(k).lower() in ("label", "labels")), None)
    key = next((k for k in parts if "label" in str(k).lower()), None) if key is None else key
    if key is None:
        raise ValueError(
            "Could not infer where the labels are in the sample. Try passing a callable as the labels_getter parameter?"
        )
    return parts[key]
