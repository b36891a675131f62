"""Image data sets, transforms, models and grids (torchvision)."""

from . import datasets, models, transforms, tv_tensors, utils

__all__ = ["datasets", "models", "transforms", "tv_tensors", "utils"]
