"""Tensors and modules."""

from __future__ import annotations

from typing import Any

import gradviz as torch


def tensor_inspector() -> Any:
    """TensorInspector
    Any tensor: statistics, heatmap, histogram, slices, and its gradient beside it."""
    from gradviz.widgets import TensorInspector

    torch.manual_seed(0)
    weight = torch.nn.Conv2d(3, 8, 5).weight
    (weight * torch.randn(8, 3, 5, 5)).square().sum().backward()
    return TensorInspector(weight, name="conv.weight")


def module_tree() -> Any:
    """ModuleTree
    The parts of a network: shapes, parameters, memory, operations, and what is frozen."""
    from gradviz.widgets import ModuleTree

    net = torch.vision.models.resnet18(num_classes=10)
    for parameter in net.layer1.parameters():
        parameter.requires_grad_(False)
    return ModuleTree(net, torch.randn(1, 3, 64, 64))


def state_dict_diff() -> Any:
    """StateDictDiff
    A file beside the model it should go into: what is copied, converted, refused, and whether loading raises."""
    from gradviz.widgets import StateDictDiff

    nn = torch.nn
    torch.manual_seed(0)
    saved = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).double().state_dict()
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    return StateDictDiff(saved, model, title="A file for another model")


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


def broadcasting() -> Any:
    """Broadcasting
    Two shapes, aligned from the right, stretched where they are 1, and combined; edit them."""
    from gradviz.widgets import Broadcasting

    return Broadcasting(torch.tensor([[10.0], [20.0], [30.0]]), torch.tensor([[1.0, 2.0, 3.0, 4.0]]))


PAGES = [broadcasting, tensor_inspector, module_tree, state_dict_diff, histogram_stack, grad_flow]
