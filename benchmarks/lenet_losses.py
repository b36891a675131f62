"""`python -m benchmarks.lenet_losses`: the losses of 200 LeNet steps, here and in torch, from one seed.

The weights, the order of the pictures and the arithmetic are each library's own; only the pictures are handed over.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

CLASSES, PICTURES, BATCH = 10, 640, 32


def pictures(count: int = PICTURES) -> tuple[np.ndarray, np.ndarray]:
    """Grey pictures of 32 x 32 in ten classes: each class a pattern of its own, blurred by noise and moved about."""
    draw = np.random.default_rng(0)
    patterns = np.kron(draw.standard_normal((CLASSES, 8, 8)), np.ones((4, 4)))
    labels = draw.integers(0, CLASSES, count)
    images = np.stack([np.roll(patterns[k], draw.integers(-2, 3, 2), (0, 1)) for k in labels])
    images += 0.7 * draw.standard_normal(images.shape)
    return images[:, None].astype(np.float32), labels


def lenet(t: Any) -> Any:
    """The network of the tutorials: two convolutions of 5 x 5, each pooled, then three linear layers."""
    nn, F = t.nn, t.nn.functional

    class Net(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 6, 5)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.fc1 = nn.Linear(16 * 5 * 5, 120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, CLASSES)

        def forward(self, x: Any) -> Any:
            x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            x = t.flatten(x, 1)
            x = F.relu(self.fc1(x))
            x = F.relu(self.fc2(x))
            return self.fc3(x)

    return Net()


def losses(t: Any, steps: int, seed: int = 0) -> list[float]:
    """The loss of every step of SGD with momentum.

    The rate is small enough for a smooth descent: where losses jump, rounding grows until torch differs from itself.
    """
    images, labels = map(t.from_numpy, pictures())
    t.manual_seed(seed)
    net = lenet(t)
    criterion = t.nn.CrossEntropyLoss()
    optimizer = t.optim.SGD(net.parameters(), lr=0.005, momentum=0.9)
    seen: list[float] = []
    while len(seen) < steps:
        for chosen in t.randperm(PICTURES).split(BATCH)[: steps - len(seen)]:
            optimizer.zero_grad()
            loss = criterion(net(images[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
            seen.append(loss.item())
    return seen


def side_by_side(losses: Callable[[Any, int], list[float]], steps: int = 200) -> None:
    """Print every twentieth pair of losses, then the largest difference."""
    import torch

    import gradviz

    torch.set_num_threads(1)
    ours, theirs = losses(gradviz, steps), losses(torch, steps)
    for i in range(0, steps, 20):
        print(f"step {i:3}   gradviz {ours[i]:.4f}   torch {theirs[i]:.4f}")
    apart = [abs(a - b) for a, b in zip(ours, theirs, strict=True)]
    print(f"largest difference of {steps} losses: {max(apart):.2e} (step {apart.index(max(apart))})")


if __name__ == "__main__":
    side_by_side(losses, *map(int, sys.argv[1:]))
