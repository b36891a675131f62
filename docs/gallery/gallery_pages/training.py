"""Training, and a CNN from the inside."""

from __future__ import annotations

from typing import Any

import gradviz as torch


def digits_net() -> tuple[Any, Any, Any]:
    """A CNN that has seen scikit-learn's digits for a moment, and the digits it has not seen."""
    nn = torch.nn
    data = torch.vision.datasets.Digits(train=True, transform=torch.vision.transforms.ToTensor())
    test = torch.vision.datasets.Digits(train=False, transform=torch.vision.transforms.ToTensor())
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * 16, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for x, y in torch.utils.data.DataLoader(data, batch_size=64, shuffle=True):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    images, labels = next(iter(torch.utils.data.DataLoader(test, batch_size=300)))
    return net, images, labels


def loss_curve() -> Any:
    """LossCurve
    Losses over steps: smoothing, a logarithmic axis, several runs, and a million points if need be."""
    from gradviz.widgets import LossCurve

    nn = torch.nn
    torch.manual_seed(0)
    x = torch.randn(256, 4)
    y = x.sin().sum(1, keepdim=True)
    runs = {}
    for rate in (0.003, 0.03):
        net = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
        optimizer = torch.optim.Adam(net.parameters(), lr=rate)
        runs[f"rate {rate}"] = losses = []
        for _ in range(300):
            rows = torch.randint(0, 256, (16,))
            loss = nn.functional.mse_loss(net(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return LossCurve(runs, log=True, smoothing=0.8)


def trainer_panel() -> Any:
    """TrainerPanel
    A training run to pause, step, change and fork; this is what it leaves behind in a saved notebook."""
    from gradviz.widgets import Trainer, TrainerPanel

    nn = torch.nn
    torch.manual_seed(0)
    x = torch.randn(512, 8)
    y = (x[:, :2].prod(1) > 0).long()
    data = torch.utils.data.TensorDataset(x, y)
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    trainer = Trainer(net, optimizer, nn.CrossEntropyLoss(), loader, epochs=6, interactive=False)
    panel = TrainerPanel(trainer, title="A small classifier")
    panel.run()
    return panel.snapshot()


def conv_stepper() -> Any:
    """ConvStepper
    A kernel slides over an image, and its gradient comes back through the same window. Edit the kernel."""
    from gradviz.widgets import ConvStepper

    image = torch.zeros(8, 8)
    image[2:6, 3:6] = torch.tensor([[1.0, 2.0, 1.0], [3.0, 4.0, 3.0], [2.0, 3.0, 2.0], [1.0, 1.0, 1.0]])
    kernel = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    return ConvStepper(image, kernel, padding=1, title="A Sobel kernel")


def feature_maps() -> Any:
    """FeatureMaps
    What each layer of a CNN makes of an image, the filters, and the gradient that comes back."""
    from gradviz.widgets import FeatureMaps

    net, images, _ = digits_net()
    return FeatureMaps(net, images, sample=7, title="A small CNN on a digit")


def confusion_matrix() -> Any:
    """ConfusionMatrix
    What is taken for what; a cell shows its samples."""
    from gradviz.widgets import ConfusionMatrix

    net, images, labels = digits_net()
    return ConfusionMatrix(labels, net(images), images=images, title="Digits after one epoch")


def sample_grid() -> Any:
    """SampleGrid
    Samples with what they are, what they are taken for, and how sure the model is."""
    from gradviz.widgets import SampleGrid

    net, images, labels = digits_net()
    return SampleGrid(images, labels, net(images), title="Digits after one epoch")


def batch_conveyor() -> Any:
    """BatchConveyor
    Rows travel through the sampler into batches. Change seed, size and shuffle; compare two epochs; follow a row."""
    from gradviz.widgets import BatchConveyor

    data = torch.vision.datasets.Digits(train=True, transform=torch.vision.transforms.ToTensor())
    some = torch.utils.data.Subset(data, list(range(22)))
    return BatchConveyor(torch.utils.data.DataLoader(some, batch_size=4, shuffle=True, drop_last=True), seed=0)


def signal_propagation() -> Any:
    """SignalPropagation
    How large the outputs and the gradients are in each layer of a deep network: sliders for its depth and its gain."""
    from gradviz.widgets import SignalPropagation

    def network(activation: Any) -> Any:
        def run(depth: int, gain: float) -> Any:
            torch.manual_seed(0)
            h, outputs = torch.randn(64, 64, requires_grad=True), []
            for _ in range(depth):
                h = activation(h @ (torch.randn(64, 64) * gain / 8))
                h.retain_grad()
                outputs.append(h)
            (h * torch.randn(64, 64)).sum().backward()
            return outputs, [h.grad for h in outputs]

        return run

    return SignalPropagation({"relu": network(torch.relu), "tanh": network(torch.tanh)}, depth=20, gain=1.0)


PAGES = [
    loss_curve,
    signal_propagation,
    batch_conveyor,
    trainer_panel,
    conv_stepper,
    feature_maps,
    confusion_matrix,
    sample_grid,
]
