"""`python -m benchmarks.cifar_resnet --data FOLDER`: CIFAR-10 trained from the start, the same under gradviz and torch.

    --library gradviz|torch     which of the two to use
    --net resnet|lenet          a small residual network (SGD, OneCycle, flips and crops), or the LeNet of the lessons
    --epochs N --limit SECONDS  how long; past the limit no further epoch starts
FOLDER holds cifar-10-batches-py. Both libraries run this file: the data, augmentation included, come from gradviz, as
arrays, so that the two differ in nothing but tensors, layers, gradients and optimiser. Prints the time and the accuracy
on the 10,000 test images after every epoch; the processor's time is what counts on a machine that does other things.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
BORDER = 4
# Most of a small net's training is noise that averages away towards the end: hence one cycle, from warm to cold.
SETTINGS: dict[str, dict[str, Any]] = {
    "resnet": {"epochs": 5, "batch": 128, "lr": 0.2, "decay": 5e-4, "smoothing": 0.05, "augment": True},
    "lenet": {"epochs": 10, "batch": 32, "lr": 0.02, "decay": 5e-4, "smoothing": 0.0, "augment": False},
}


def residual_net(t: Any, widths: tuple[int, ...] = (32, 64, 128)) -> Any:
    """A convolution, pooling, a residual block for each width (each but the first halves the image), a linear map."""
    nn = t.nn

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(after)
            self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(after)
            self.relu = nn.ReLU(inplace=True)
            self.shortcut = nn.Sequential()
            if before != after:
                self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

        def forward(self, x: Any) -> Any:
            out = self.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            out += self.shortcut(x)
            return self.relu(out)

    first = widths[0]
    layers = [nn.Conv2d(3, first, 3, 1, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    for before, after in zip((first, *widths), widths, strict=False):
        layers.append(Block(before, after, 1 if before == after else 2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))


def lenet(t: Any) -> Any:
    """The net of the CIFAR-10 tutorials: 62,006 parameters."""
    nn = t.nn
    convolutions = [nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    linear = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*convolutions, nn.Flatten(), *linear)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--library", choices=("gradviz", "torch"), default="gradviz")
    parser.add_argument("--net", choices=tuple(SETTINGS), default="resnet")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--limit", type=float, default=900.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    settings = {**SETTINGS[asked.net], **({} if asked.epochs is None else {"epochs": asked.epochs})}
    train(asked.library, asked.net, asked.data, settings, asked.limit, asked.seed)


def train(library: str, net: str, data: str, settings: dict[str, Any], limit: float, seed: int) -> None:
    import importlib

    t = importlib.import_module(library)
    (images, labels), (test_images, test_labels) = (load(data, part) for part in (True, False))
    t.manual_seed(seed)
    draw = np.random.default_rng(seed)
    model = residual_net(t) if net == "resnet" else lenet(t)
    epochs, batch = settings["epochs"], settings["batch"]
    steps = len(images) // batch
    optimizer = t.optim.SGD(
        model.parameters(), lr=settings["lr"], momentum=0.9, weight_decay=settings["decay"], nesterov=True
    )
    schedule = t.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=settings["lr"], total_steps=epochs * steps, pct_start=0.25
    )
    loss_of = t.nn.CrossEntropyLoss(label_smoothing=settings["smoothing"])
    print(f"{library} {t.__version__}, {net}: {sum(p.numel() for p in model.parameters()):,} parameters, {settings}")
    start, used, slowest = time.perf_counter(), time.process_time(), 0.0
    for epoch in range(epochs):
        began, total = time.perf_counter(), 0.0
        model.train()
        for x, y in batches(images, labels, batch, draw, settings["augment"]):
            optimizer.zero_grad()
            loss = loss_of(model(t.from_numpy(x)), t.from_numpy(y))
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        right = accuracy(t, model, test_images, test_labels)
        now = time.perf_counter()
        slowest = max(slowest, now - began)
        spent = f"{now - start:6.1f} s ({time.process_time() - used:6.1f} s of processor)"
        print(f"epoch {epoch + 1:2d}  {spent}  loss {total / steps:.3f}  test accuracy {right:.4f}", flush=True)
        if now - start + slowest > limit:
            print(f"stopped: another epoch would not end within {limit:.0f} s")
            break


def load(folder: str, train: bool) -> tuple[Any, Any]:
    """Normalised images (N, 3, 32, 32) and their class numbers."""
    from gradviz.vision.datasets import CIFAR10

    found = CIFAR10(folder, train=train)
    planes = found.data.transpose(0, 3, 1, 2).astype(np.float32) / 255
    mean, std = (np.array(values, np.float32).reshape(-1, 1, 1) for values in (MEAN, STD))
    return (planes - mean) / std, np.array(found.targets, np.int64)


def batches(images: Any, labels: Any, size: int, draw: np.random.Generator, augment: bool) -> Iterator[tuple[Any, Any]]:
    """One epoch in random order; with `augment` each image is shifted by up to BORDER and mirrored half of the time."""
    order = draw.permutation(len(images))
    for first in range(0, len(order) - size + 1, size):
        rows = order[first : first + size]
        chosen = images[rows]
        if augment:
            chosen = augmented(chosen, draw)
        yield chosen, labels[rows]


def augmented(images: Any, draw: np.random.Generator) -> Any:
    n, side = len(images), images.shape[-1]
    wide = np.pad(images, [(0, 0), (0, 0), (BORDER, BORDER), (BORDER, BORDER)])
    places = np.lib.stride_tricks.sliding_window_view(wide, (side, side), axis=(2, 3))
    tops, lefts = draw.integers(0, 2 * BORDER + 1, (2, n))
    cut = places[np.arange(n), :, tops, lefts]
    mirrored = draw.random(n) < 0.5
    cut[mirrored] = cut[mirrored, :, :, ::-1]
    return cut


def accuracy(t: Any, model: Any, images: Any, labels: Any, size: int = 500) -> float:
    model.eval()
    right = 0
    with t.no_grad():
        for first in range(0, len(images), size):
            scores = model(t.from_numpy(images[first : first + size]))
            right += int((scores.argmax(1).numpy() == labels[first : first + size]).sum())
    return right / len(images)


if __name__ == "__main__":
    main()
