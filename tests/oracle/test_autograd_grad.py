"""`autograd.grad` and `backward` with every argument, as PyTorch has them."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

PROGRAMS = {
    # grad_outputs
    "weights": "x = torch.tensor([1.0, 2.0], requires_grad=True)\nlog(torch.autograd.grad(x ** 2, x, torch.tensor([1.0, 3.0])))",
    "weights of one of several": "x = torch.tensor([1.0, 2.0], requires_grad=True)\nlog(torch.autograd.grad((x ** 2, x.sum()), x, (torch.tensor([1.0, 3.0]), None)))",
    "weights in a list": "x = torch.tensor([1.0, 2.0], requires_grad=True)\nlog(torch.autograd.grad([x * 2, x * x], [x], [torch.ones(2), torch.ones(2)]))",
    "too few weights": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.grad([x.sum(), (x * x).sum()], [x], [torch.ones(())])",
    "weights of another shape": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.grad(x * 2, x, torch.ones(3))",
    "weights of another dtype": "x = torch.tensor([1.0, 2.0], requires_grad=True)\nlog(torch.autograd.grad(x * 2, x, torch.ones(2, dtype=torch.float64)))",
    "complex weights of a real output": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.grad(x * 2, x, torch.ones(2, dtype=torch.complex64))",
    "real weights of a complex output": "x = torch.tensor([1.0, 2.0j], requires_grad=True)\ntorch.autograd.grad(x * 2, x, torch.ones(2))",
    "weights that are no tensor": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.grad(x * 2, x, (1.0,))",
    "weights of a vector missing": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.grad(x * 2, x)",
    "weights of an integer output": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.grad((x > 0).long().sum(), x)",
    "complex scalar output": "x = torch.tensor([1.0, 2.0j], requires_grad=True)\n(x * x).sum().backward()",
    "one element, not a scalar": "x = torch.tensor([[1.5]], requires_grad=True)\nlog(torch.autograd.grad(x * x, x))",
    "weights that require grad": """
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        v = torch.tensor([0.5, 3.0], requires_grad=True)
        g, = torch.autograd.grad(x ** 3, x, v, create_graph=True)
        log(g)
        log(torch.autograd.grad(g.sum(), (x, v)))
        """,
    # inputs
    "no inputs": "x = torch.ones(2, requires_grad=True)\ntorch.autograd.grad(x.sum(), [])",
    "no outputs": "x = torch.ones(2, requires_grad=True)\ntorch.autograd.grad([], [x])",
    "the same input twice": "x = torch.tensor([1.0, 2.0], requires_grad=True)\nlog(torch.autograd.grad((x * x).sum(), (x, x)))",
    "an inner tensor": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ny = x * 3\nlog(torch.autograd.grad((y * y).sum(), (x, y)))\nlog(x.grad)",
    "an output as input": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ny = (x * x).sum()\nlog(torch.autograd.grad(y, (y, x)))",
    "an input that needs no gradient": "x = torch.ones(2, requires_grad=True)\ny = torch.ones(2)\ntorch.autograd.grad((x * y).sum(), (x, y))",
    "a number as input": "x = torch.ones(2, requires_grad=True)\ntorch.autograd.grad(x.sum(), 3)",
    "a number in the inputs": "x = torch.ones(2, requires_grad=True)\ntorch.autograd.grad(x.sum(), (x, 3))",
    "an output that needs no gradient": "x = torch.ones(2, requires_grad=True)\ntorch.autograd.grad(torch.ones(()), x)",
    "second output without a graph": "x = torch.ones(2, requires_grad=True)\ntorch.autograd.grad((x.sum(), torch.ones(())), x)",
    # unused
    "unused": "x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)\nlog(torch.autograd.grad(x.sum(), (x, y), allow_unused=True))",
    "unused, refused": "x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)\ntorch.autograd.grad(x.sum(), (y,), allow_unused=False)",
    "unused, zeros": "x, y = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)\nlog(torch.autograd.grad(x.sum(), (x, y), materialize_grads=True))",
    "unused, zeros that require grad": "x, y = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)\nlog(torch.autograd.grad((x * x).sum(), (x, y), materialize_grads=True, create_graph=True))",
    "unused and zeros contradict": "x, y = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)\ntorch.autograd.grad(x.sum(), (x, y), materialize_grads=True, allow_unused=False)",
    "only_inputs": "x = torch.ones(2, requires_grad=True)\nlog(torch.autograd.grad(x.sum(), x, only_inputs=False))",
    # create_graph, retain_graph
    "ten derivatives": """
        x = torch.tensor(0.7, requires_grad=True, dtype=torch.float64)
        y = torch.exp(x * x) * torch.sin(x)
        for _ in range(10):
            y, = torch.autograd.grad(y, x, create_graph=True)
            log(y)
        """,
    "create_graph without retain_graph": "x = torch.tensor(2.0, requires_grad=True)\ny = x ** 3\ng, = torch.autograd.grad(y, x, create_graph=True, retain_graph=False)\nlog(g)\ntorch.autograd.grad(g, x)",
    "retain_graph": "x = torch.tensor(2.0, requires_grad=True)\ny = x ** 3\nlog(torch.autograd.grad(y, x, retain_graph=True))\nlog(torch.autograd.grad(y, x))\ntorch.autograd.grad(y, x)",
    "nothing kept": "x = torch.tensor(2.0, requires_grad=True)\ny = x + 3\nfor _ in range(3):\n    y.backward()\nlog(x.grad)",
    "create_graph warns": "x = torch.tensor(2.0, requires_grad=True)\n(x ** 3).backward(create_graph=True)\nlog(x.grad)",
    "grad of a grad accumulates": "x = torch.tensor(2.0, requires_grad=True)\n(x ** 3).backward(create_graph=True)\n(x.grad * 2).backward()\nlog(x.grad)",
    "order of two leaves": """
        a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        a.register_hook(lambda g: log("a", g))
        b.register_hook(lambda g: log("b", g))
        ((a * b).exp() + a.sin() * b).backward()
        """,
    # batched
    "batched": """
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = x ** 2
        log(torch.autograd.grad(y, x, torch.eye(3), is_grads_batched=True))
        """,
    "batched, several": """
        x, w = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 5.0], requires_grad=True)
        log(torch.autograd.grad((x * w, x.sum()), (x, w), (torch.eye(2), torch.tensor([1.0, 2.0])), is_grads_batched=True))
        """,
    "batched, unused": """
        x, w = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 5.0], requires_grad=True)
        log(torch.autograd.grad(x * x, (x, w), torch.eye(2), is_grads_batched=True, allow_unused=True))
        """,
    "batched, of another shape": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.grad(x * x, x, (torch.ones(2, 3),), is_grads_batched=True)",
    "batched, create_graph": """
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        g, = torch.autograd.grad(x ** 3, x, torch.eye(2), is_grads_batched=True, create_graph=True)
        log(g)
        log(torch.autograd.grad(g.sum(), x))
        """,
    # backward
    "backward twice accumulates": "x = torch.tensor([1.0, 2.0], requires_grad=True)\nfor _ in range(2):\n    (x * x).sum().backward()\nlog(x.grad)",
    "backward of several": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.backward([x.sum(), (x * x).sum()])\nlog(x.grad)",
    "backward of several with weights": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.backward([x * 1, x * x], [torch.ones(2), torch.tensor([2.0, 3.0])])\nlog(x.grad)",
    "backward, one weight for several": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.backward([x.sum(), (x * x).sum()], torch.ones(()))\nlog(x.grad)",
    "backward of the same twice": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ny = (x * x).sum()\ntorch.autograd.backward([y, y])\nlog(x.grad)",
    "backward of a leaf": "x = torch.tensor(2.0, requires_grad=True)\nx.backward()\nlog(x.grad)",
    "backward of nothing": "torch.autograd.backward([])",
    "backward, grad_variables": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.backward(x * x, grad_variables=torch.ones(2))\nlog(x.grad)",
    "backward, both spellings": "x = torch.tensor([1.0, 2.0], requires_grad=True)\ntorch.autograd.backward(x * x, torch.ones(2), grad_variables=torch.ones(2))",
    "backward into inputs": "x, w = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)\n(x * w).backward(inputs=[x])\nlog(x.grad, w.grad)",
    "backward into one input": "x, w = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)\n(x * w).backward(inputs=w)\nlog(x.grad, w.grad)",
    "backward into an inner tensor": "x = torch.tensor(2.0, requires_grad=True)\ny = x * 3\n(y * y).backward(inputs=[y])\nlog(x.grad)\nlog(y.grad)",
    "backward into both": "x = torch.tensor(2.0, requires_grad=True)\ny = x * 3\n(y * y).backward(inputs=[y, x])\nlog(x.grad)\nlog(y.grad)",
    "backward into nothing": "x = torch.tensor(2.0, requires_grad=True)\n(x * x).backward(inputs=[])",
    "backward into an unused": "x, w = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)\n(x * x).backward(inputs=[w])\nlog(x.grad, w.grad)",
    "backward into a constant": "x, w = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0)\n(x * w).backward(inputs=[w])",
    "backward into a number": "x = torch.tensor(2.0, requires_grad=True)\n(x * x).backward(inputs=[3])",
    "backward of a detached": "x = torch.tensor(2.0, requires_grad=True)\n(x * x).detach().backward()",
    "backward, a weight of another dtype": "x = torch.tensor(2.0, requires_grad=True)\n(x * x).backward(torch.tensor(2.0, dtype=torch.float64))\nlog(x.grad)",
    "backward, a weight for a scalar": "x = torch.tensor(2.0, requires_grad=True)\n(x * x).backward(torch.tensor([2.0]))",
    "backward, a number as weight": "x = torch.tensor(2.0, requires_grad=True)\n(x * x).backward(2.0)",
    "second backward": "x = torch.tensor(2.0, requires_grad=True)\ny = x * x\ny.backward()\ny.backward()",
    "gradients are not aliases": "x = torch.ones(3, requires_grad=True)\ny = torch.ones(3, requires_grad=True)\ng = torch.ones(3)\n(x + y).backward(g)\ng[0] = 5\nx.grad[1] = 7\nlog(x.grad, y.grad)",
    "functions inside Variable": "V = torch.autograd.Variable\nx = V(torch.ones(2), requires_grad=True)\n(x * x).sum().backward()\nlog(x.grad, isinstance(x, V), isinstance(x, torch.Tensor), type(x) is torch.Tensor)\nlog(V(torch.ones(2)).requires_grad)",
    # GradientEdge
    "edge as input": """
        x = torch.tensor(2.0, requires_grad=True)
        y = x * 3
        edge = torch.autograd.graph.get_gradient_edge(y)
        log(type(edge).__name__, edge.output_nr, edge.node.name())
        z = y * y
        log(torch.autograd.grad(z, edge))
        """,
    "edge of a leaf": "x = torch.tensor(2.0, requires_grad=True)\nedge = torch.autograd.graph.get_gradient_edge(x)\nlog(edge.node.name())\nlog(torch.autograd.grad(x * x, (edge, x)))",
    "edge of a constant": "torch.autograd.graph.get_gradient_edge(torch.ones(2))",
    "edge as output": "x = torch.tensor(2.0, requires_grad=True)\ny = x * x\nedge = torch.autograd.graph.get_gradient_edge(y)\nlog(torch.autograd.grad(edge, x, torch.tensor(1.0)))",
    "edge as output without weight": "x = torch.tensor(2.0, requires_grad=True)\ny = x * x\nedge = torch.autograd.graph.get_gradient_edge(y)\nlog(torch.autograd.grad(edge, x))",
    "edge in backward": "x = torch.tensor(2.0, requires_grad=True)\ny = x * 3\nedge = torch.autograd.graph.get_gradient_edge(x)\n(y * y).backward(inputs=[edge])\nlog(x.grad)",
    "edge as backward root": "x = torch.tensor(2.0, requires_grad=True)\nedge = torch.autograd.graph.get_gradient_edge(x * 3)\ntorch.autograd.backward(edge, torch.tensor(2.0))\nlog(x.grad)",
    "edge made by hand": "x = torch.tensor([2.0, 3.0], requires_grad=True)\na, b = x.unbind()\nedge = torch.autograd.graph.GradientEdge(b.grad_fn, 1)\nlog(torch.autograd.grad(a * b, edge))",
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])
