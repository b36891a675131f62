"""What the gallery shows: a function for each page, run for real. Docstrings are the pages' texts."""

from __future__ import annotations

from typing import Any

import gradviz as torch


def graph_view() -> Any:
    """GraphView
    The graph of a module as it ran: fold it, search it, click a box to see where it comes from."""
    from gradviz.widgets import GraphView

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(144, 10)
    )
    return GraphView(net, torch.randn(2, 1, 14, 14), title="A small CNN")


def backprop_stepper() -> Any:
    """BackpropStepper
    Forward and backward one operation at a time: upstream times local on every edge, sums where paths meet."""
    from gradviz.widgets import BackpropStepper

    x = torch.tensor(2.0)
    w = torch.tensor(-0.5, requires_grad=True)
    b = torch.tensor(0.75, requires_grad=True)
    h = torch.tanh(w * x + b)
    loss = (h - 1) ** 2 + 0.1 * w * w
    return BackpropStepper(loss, title="One neuron")


def trajectory_view() -> Any:
    """TrajectoryView
    The walk of an optimiser on a contour: drag the start and the rate."""
    from gradviz.widgets import TrajectoryView

    def valley(x: Any, y: Any) -> Any:
        return 0.5 * x * x + 2 * y * y

    return TrajectoryView(valley, start=(-4.0, 2.0), lr=0.1, steps=20, bounds=((-5, 5), (-3, 3)), max_lr=0.6)


def histogram_stack() -> Any:
    """HistogramStack
    Distributions over time: weights, gradients and activations, with the bands of half precision."""
    from gradviz.widgets import HistogramStack, watch

    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    x = torch.randn(128, 8)
    y = x[:, :1] * x[:, 1:2]
    with watch(net, optimizer, histograms=True) as history:
        for _ in range(40):
            loss = nn.functional.mse_loss(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return HistogramStack(history, mode="offset", title="A small regression")


def grad_flow() -> Any:
    """GradFlow
    The gradient of every layer, its updates and its dead units; here it vanishes in a deep sigmoid network."""
    from gradviz.widgets import GradFlow, watch

    nn = torch.nn
    torch.manual_seed(0)
    layers = [layer for _ in range(8) for layer in (nn.Linear(16, 16), nn.Sigmoid())]
    net = nn.Sequential(*layers, nn.Linear(16, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x, y = torch.randn(64, 16), torch.randint(0, 2, (64,))
    with watch(net, optimizer) as history:
        for _ in range(30):
            loss = nn.functional.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return GradFlow(history, title="Eight sigmoid layers")


def conv_stepper() -> Any:
    """ConvStepper
    A kernel slides over an image, and its gradient comes back through the same window. Edit the kernel."""
    from gradviz.widgets import ConvStepper

    image = torch.zeros(8, 8)
    image[2:6, 3:6] = torch.tensor([[1.0, 2.0, 1.0], [3.0, 4.0, 3.0], [2.0, 3.0, 2.0], [1.0, 1.0, 1.0]])
    kernel = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    return ConvStepper(image, kernel, padding=1, title="A Sobel kernel")


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


PAGES = [
    graph_view, backprop_stepper, trajectory_view, histogram_stack, grad_flow, conv_stepper, feature_maps,
    confusion_matrix, sample_grid,
]  # fmt: skip
