"""One training step of the CIFAR-10 network of the tutorials (conv-pool-conv-pool-3 linear), SGD with momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from .timing import Row, row


def rows(ours: Any, theirs: Any) -> list[Row]:
    made = []
    for batch, goal in ((4, "<= 1.0"), (64, "")):
        a, b = (_step(library, batch) for library in (ours, theirs))
        made.append(row(f"CIFAR step, batch {batch}", a, b, repeats=60 if batch < 10 else 20, goal=goal))
    return made


def _step(t: Any, batch: int) -> Any:
    nn, F = t.nn, t.nn.functional

    class Net(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 6, 5)
            self.pool = nn.MaxPool2d(2, 2)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.fc1 = nn.Linear(16 * 5 * 5, 120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, 10)

        def forward(self, x: Any) -> Any:
            x = self.pool(F.relu(self.conv1(x)))
            x = self.pool(F.relu(self.conv2(x)))
            x = x.view(-1, 16 * 5 * 5)
            x = F.relu(self.fc1(x))
            x = F.relu(self.fc2(x))
            return self.fc3(x)

    t.manual_seed(0)
    net = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = t.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
    draw = np.random.default_rng(0)
    images = t.tensor(draw.standard_normal((batch, 3, 32, 32)).astype(np.float32))
    labels = t.tensor(draw.integers(0, 10, batch))

    def step() -> None:
        optimizer.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    return step
