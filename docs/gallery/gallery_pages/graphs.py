"""Graphs and backward passes."""

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


def chain_rule_card() -> Any:
    """ChainRuleCard
    One node of a backward pass: its formula, with numbers put in, and every contribution to its gradient."""
    from gradviz.widgets import ChainRuleCard

    x = torch.tensor(2.0, requires_grad=True)
    y = x * torch.sin(x) + x
    return ChainRuleCard(y, x)


def rule_editor() -> Any:
    """RuleEditor
    A function and the rule of its backward, to be rewritten: a light says at once whether they belong together."""
    from gradviz.widgets import RuleEditor

    return RuleEditor(torch.tanh, "grad * (1 - x ** 2)", title="Is this the rule of tanh?")


def edit_graph() -> Any:
    """EditGraph
    What if? Change a leaf: forward, backward and every number follow, in the page."""
    from gradviz.widgets import EditGraph

    def neuron(x: Any, w: Any, b: Any) -> Any:
        return (torch.tanh(w * x + b) - 0.5) ** 2

    leaves = [torch.tensor(value, requires_grad=True) for value in (0.5, -1.5, 0.25)]
    return EditGraph(neuron, *leaves, title="Change x, w or b")


def graph_growth() -> Any:
    """GraphGrowth
    The graph is built while the code runs: one line at a time, and what is there already stays where it is."""
    from gradviz.widgets import GraphGrowth

    def power(x: Any) -> Any:
        y = x
        for _ in range(3):
            y = y * x
        return torch.log(y)

    return GraphGrowth(power, torch.tensor(1.5, requires_grad=True))


def error_graph() -> Any:
    """ErrorGraph
    A failed run as a picture: the node and the line to blame, and the usual way out."""
    from gradviz.widgets import ErrorGraph

    def broken() -> Any:
        x = torch.ones(3, requires_grad=True)
        y = x.exp()
        loss = (y * y).sum()
        y.add_(1)
        loss.backward()

    return ErrorGraph(broken)


def graph_diff() -> Any:
    """GraphDiff
    Two runs side by side: what is only in one, and what differs. Here the same block, training and evaluating."""
    from gradviz.widgets import GraphDiff

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
    x = torch.randn(3, 4)
    with torch.record() as training:
        net.train()(x).sum()
    with torch.record() as evaluating:
        net.eval()(x).sum()
    return GraphDiff(training, evaluating, labels=("train", "eval"))


def difference_curve() -> Any:
    """DifferenceCurve
    A finite difference with a smaller and smaller h: first the formula errs, then the digits run out."""
    from gradviz.widgets import DifferenceCurve

    return DifferenceCurve(torch.exp, 1.0)


PAGES = [
    graph_view,
    backprop_stepper,
    chain_rule_card,
    rule_editor,
    edit_graph,
    graph_growth,
    error_graph,
    graph_diff,
    difference_curve,
]
