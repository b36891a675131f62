"""LeNet-5 with ReLU and max pooling, as courses write it (LeCun et al., "Gradient-based learning ...", 1998)."""

from __future__ import annotations

from gradviz import nn
from gradviz.core.tensor import Tensor
from gradviz.nn import functional as F


class LeNet(nn.Module):
    """Two convolutions of 5 x 5, each with pooling, then three linear layers: 62,006 parameters for CIFAR-10.

    Shape: (N, in_channels, image_size, image_size) -> (N, num_classes).
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> None:
        super().__init__()
        side = ((image_size - 4) // 2 - 4) // 2
        if side < 1:
            raise ValueError(f"LeNet needs images of at least 16 x 16, not image_size={image_size}.")
        self.conv1 = nn.Conv2d(in_channels, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * side * side, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        out: Tensor = self.fc3(x)
        return out
