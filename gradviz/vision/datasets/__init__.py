"""Image data sets (torchvision.datasets)."""

from .cifar import CIFAR10
from .vision import StandardTransform, VisionDataset

__all__ = ["CIFAR10", "StandardTransform", "VisionDataset"]
