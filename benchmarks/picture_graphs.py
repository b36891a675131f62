"""The programs whose graphs are drawn by everybody: the same lines for gradviz and for torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def lstm(torch: Any, steps: int = 100) -> tuple[Any, tuple[Any, ...]]:
    """An LSTMCell unrolled: a module and what it is called with."""
    nn = torch.nn

    class Unrolled(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(4, 8)
            self.head = nn.Linear(8, 1)

        def forward(self, x: Any) -> Any:
            h, c = torch.zeros(1, 8), torch.zeros(1, 8)
            for t in range(steps):
                h, c = self.cell(x[t : t + 1], (h, c))
            return self.head(h).sum()

    torch.manual_seed(0)
    return Unrolled(), (torch.randn(steps, 4),)


def resnet(torch: Any, *blocks: int, bottleneck: bool = False) -> tuple[Any, tuple[Any, ...]]:
    """A residual network with four stages, narrow, for 32 x 32 images."""
    nn = torch.nn
    grow = 4 if bottleneck else 1

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self, given: int, width: int, stride: int) -> None:
            super().__init__()
            sizes = [(given, width, 1), (width, width, 3), (width, width * grow, 1)] if bottleneck else [
                (given, width, 3), (width, width, 3),
            ]  # fmt: skip
            layers: list[Any] = []
            for i, (a, b, k) in enumerate(sizes):
                step = stride if k == 3 and (bottleneck or i == 0) else 1
                layers += [nn.Conv2d(a, b, k, step, k // 2, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
            self.body = nn.Sequential(*layers[:-1])
            self.skip = nn.Sequential()
            if stride > 1 or given != width * grow:
                self.skip = nn.Sequential(
                    nn.Conv2d(given, width * grow, 1, stride, bias=False), nn.BatchNorm2d(width * grow)
                )
            self.act = nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.act(self.body(x) + self.skip(x))

    torch.manual_seed(0)
    stages, given = [], 8
    for i, count in enumerate(blocks):
        for k in range(count):
            stages.append(Block(given, 4 * 2**i, 2 if k == 0 and i else 1))
            given = 4 * 2**i * grow
    stem = [nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    net = nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(given, 10))
    return net, (torch.randn(2, 3, 32, 32),)


def mlp(torch: Any) -> tuple[Any, tuple[Any, ...]]:
    """Three linear layers."""
    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    return net, (torch.randn(64, 784),)


def transformer(torch: Any, layers: int = 12) -> tuple[Any, tuple[Any, ...]]:
    """Encoder layers one after another."""
    nn = torch.nn
    torch.manual_seed(0)
    made = [nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True) for _ in range(layers)]
    return nn.Sequential(*made), (torch.randn(2, 6, 16),)


GRAPHS: dict[str, Callable[[Any], tuple[Any, tuple[Any, ...]]]] = {
    "MLP": mlp,
    "LSTM x100": lstm,
    "ResNet-18": lambda torch: resnet(torch, 2, 2, 2, 2),
    "ResNet-50": lambda torch: resnet(torch, 3, 4, 6, 3, bottleneck=True),
    "ResNet-152": lambda torch: resnet(torch, 3, 8, 36, 3, bottleneck=True),
    "Transformer x12": transformer,
}
