"""Image data sets, transforms and grids (torchvision)."""

from . import datasets, transforms, utils

__all__ = ["datasets", "transforms", "utils"]
