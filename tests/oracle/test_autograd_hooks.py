"""Hooks on tensors, nodes and modules: which, when, in what order, and what their answers do."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

X = "x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"

PROGRAMS = {
    # on tensors
    "seen": X
    + "x.register_hook(lambda g: log('x', g))\ny = x * 2\ny.register_hook(lambda g: log('y', g))\n(y * y).sum().backward()\nlog(x.grad)",
    "replaced on a leaf": X + "x.register_hook(lambda g: g * 10)\n(x * x).sum().backward()\nlog(x.grad)",
    "replaced inside": X + "y = x * 2\ny.register_hook(lambda g: g * 10)\n(y * y).sum().backward()\nlog(x.grad)",
    "chained": X
    + "for k in (2, 3):\n    x.register_hook(lambda g, k=k: (log(k, g), g * k)[1])\nx.sum().backward()\nlog(x.grad)",
    "removed": X
    + "h = x.register_hook(lambda g: g * 10)\nx.register_hook(lambda g: g * 3)\nh.remove()\nh.remove()\nx.sum().backward()\nlog(x.grad)",
    "with": X + "with x.register_hook(lambda g: g * 10):\n    x.sum().backward()\nx.sum().backward()\nlog(x.grad)",
    "handle": X
    + "h = x.register_hook(lambda g: g)\nlog(type(h).__name__, isinstance(h, torch.utils.hooks.RemovableHandle), isinstance(h.id, int))",
    "removed by itself": X
    + "h = x.register_hook(lambda g: (log(g), h.remove())[1])\nfor _ in range(2):\n    x.sum().backward()",
    "with grad": X + "x.register_hook(lambda g: g * 10)\nlog(torch.autograd.grad((x * x).sum(), x))\nlog(x.grad)",
    "with grad, inner": X
    + "y = x * 2\ny.register_hook(lambda g: g * 10)\nlog(torch.autograd.grad((y * y).sum(), (x, y)))",
    "with create_graph": X
    + "x.register_hook(lambda g: (log(g), g * x)[1])\ng, = torch.autograd.grad((x ** 3).sum(), x, create_graph=True)\nlog(g)\nlog(torch.autograd.grad(g.sum(), x))",
    "once per accumulation": X + "x.register_hook(lambda g: log(g))\n(x * 2 + x * 3 + x).sum().backward()",
    "another shape": X + "x.register_hook(lambda g: g[:2])\nx.sum().backward()",
    "another dtype": X + "y = x * 2\ny.register_hook(lambda g: g.double())\ny.sum().backward()",
    "another type": X + "x.register_hook(lambda g: 3)\nx.sum().backward()",
    "an error": X + "def hook(g):\n    raise KeyError('k')\nx.register_hook(hook)\nx.sum().backward()",
    "on a constant": "torch.ones(2).register_hook(lambda g: g)",
    "not callable": X + "x.register_hook(3)",
    "before an in-place operation": X
    + "y = x * 2\ny.register_hook(lambda g: log('before', g))\ny.mul_(3)\ny.register_hook(lambda g: log('after', g))\ny.sum().backward()\nlog(x.grad)",
    "of several outputs": X
    + "a, b, c = x.unbind()\nb.register_hook(lambda g: (log(g), g * 10)[1])\n(a * b * c).backward()\nlog(x.grad)",
    "in-place on the gradient": X + "x.register_hook(lambda g: g.mul_(2))\n(x * x).sum().backward()\nlog(x.grad)",
    # retain_grad
    "retained": X
    + "y = x * 2\ny.retain_grad()\nlog(y.retains_grad, x.retains_grad)\n(y * y).sum().backward()\nlog(y.grad, x.grad)",
    "retained twice": X + "y = x * 2\ny.retain_grad()\ny.retain_grad()\n(y * y).sum().backward()\nlog(y.grad)",
    "retained after hooks": X
    + "y = x * 2\ny.register_hook(lambda g: g * 10)\ny.retain_grad()\ny.register_hook(lambda g: g * 3)\n(y * y).sum().backward()\nlog(y.grad, x.grad)",
    "retained and replaced before the node": X
    + "y = x * 2\ny.grad_fn.register_prehook(lambda gs: (gs[0] * 10,))\ny.retain_grad()\n(y * y).sum().backward()\nlog(y.grad, x.grad)",
    "retained on a leaf": X + "x.retain_grad()\nlog(x.retains_grad)\nx.sum().backward()\nlog(x.grad)",
    "retained and in-place": X
    + "y = x * 2\ny.retain_grad()\ny.mul_(3)\ny.sum().backward()\nlog(y.grad, y.retains_grad)",
    "retained, twice through": X
    + "y = x * 2\ny.retain_grad()\nfor _ in range(2):\n    y.sum().backward(retain_graph=True)\nlog(y.grad)",
    "not retained": X + "y = x * 2\ny.sum().backward()\nlog(y.grad)",
    "retained, of several outputs": X + "a, b, c = x.unbind()\nb.retain_grad()\n(a * b * c).backward()\nlog(b.grad)",
    "retained under create_graph": X
    + "y = x * 2\ny.retain_grad()\ng, = torch.autograd.grad((y ** 3).sum(), x, create_graph=True)\nlog(y.grad)",
    # after accumulation
    "after accumulation": X
    + "x.register_post_accumulate_grad_hook(lambda p: log(p is x, p.grad))\nfor _ in range(2):\n    (x * x).sum().backward()",
    "after accumulation, order": X
    + "x.register_hook(lambda g: log('hook'))\nx.register_post_accumulate_grad_hook(lambda p: log('post'))\nx.sum().backward()",
    "after accumulation, removed": X
    + "h = x.register_post_accumulate_grad_hook(lambda p: log('post'))\nh.remove()\nx.sum().backward()",
    "after accumulation, clears": X
    + "def step(p):\n    with torch.no_grad():\n        p -= 0.1 * p.grad\n    p.grad = None\nx.register_post_accumulate_grad_hook(step)\nfor _ in range(3):\n    (x * x).sum().backward()\nlog(x, x.grad)",
    "after accumulation, not with grad": X
    + "x.register_post_accumulate_grad_hook(lambda p: log('post'))\nlog(torch.autograd.grad(x.sum(), x))",
    "after accumulation, answers": X
    + "x.register_post_accumulate_grad_hook(lambda p: 3)\nx.sum().backward()\nlog(x.grad)",
    "after accumulation, inner": X + "(x * 2).register_post_accumulate_grad_hook(lambda p: None)",
    "after accumulation, constant": "torch.ones(2).register_post_accumulate_grad_hook(lambda p: None)",
    # on nodes
    "node": X + "y = x * 2\ny.grad_fn.register_hook(lambda gi, go: log(gi, go))\n(y * y).sum().backward()\nlog(x.grad)",
    "node, replaced": X
    + "y = x * 2\ny.grad_fn.register_hook(lambda gi, go: (gi[0] * 10, None))\n(y * y).sum().backward()\nlog(x.grad)",
    "node of two inputs": X
    + "w = torch.ones(3, requires_grad=True)\ny = x * w\ny.grad_fn.register_hook(lambda gi, go: log(gi, go))\ny.sum().backward()",
    "node, wrong number": X
    + "w = torch.ones(3, requires_grad=True)\ny = x * w\ny.grad_fn.register_hook(lambda gi, go: (gi[0],))\ny.sum().backward()",
    "before a node": X + "y = x * 2\ny.grad_fn.register_prehook(lambda go: log(go))\n(y * y).sum().backward()",
    "before a node, replaced": X
    + "y = x * 2\ny.grad_fn.register_prehook(lambda go: (go[0] * 10,))\n(y * y).sum().backward()\nlog(x.grad)",
    "before and on": X
    + "y = x * 2\ny.register_hook(lambda g: log('tensor'))\ny.grad_fn.register_prehook(lambda go: log('pre'))\ny.grad_fn.register_hook(lambda gi, go: log('post'))\ny.retain_grad()\ny.sum().backward()",
    "on an accumulator": X
    + "y = x * 2\nacc = y.grad_fn.next_functions[0][0]\nacc.register_prehook(lambda gs: log('pre', gs))\nacc.register_hook(lambda gi, go: log('post', gi, go))\nx.register_hook(lambda g: log('tensor'))\ny.sum().backward()",
    "of a node with several outputs": X
    + "a, b, c = x.unbind()\na.grad_fn.register_prehook(lambda gs: log(gs))\n(a * b).backward()",
    "node handle": X
    + "y = x * 2\nh = y.grad_fn.register_hook(lambda gi, go: log('hook'))\nlog(type(h).__name__)\nh.remove()\ny.sum().backward()",
    "node, both orders": X
    + "y = x * 2\ny.grad_fn.register_hook(lambda gi, go: log(1))\ny.grad_fn.register_hook(lambda gi, go: log(2))\ny.sum().backward()",
    # several tensors at once
    "all of several": X
    + "y, z = x * 2, x * 3\ntorch.autograd.graph.register_multi_grad_hook((y, z), lambda gs: log(gs))\n(y * z).sum().backward()",
    "all, some unused": X
    + "y, z = x * 2, x * 3\ntorch.autograd.graph.register_multi_grad_hook((y, z), lambda gs: log(gs))\ny.sum().backward()",
    "any of several": X
    + "y, z = x * 2, x * 3\ntorch.autograd.graph.register_multi_grad_hook((y, z), lambda g: log(g), mode='any')\n(y * z).sum().backward()",
    "all, twice": X
    + "y, z = x * 2, x * 3\ntorch.autograd.graph.register_multi_grad_hook((y, z), lambda gs: log(gs))\nw = (y * z).sum()\nw.backward(retain_graph=True)\nw.backward()",
    "all, removed": X
    + "y, z = x * 2, x * 3\nh = torch.autograd.graph.register_multi_grad_hook((y, z), lambda gs: log(gs))\nh.remove()\n(y * z).sum().backward()",
    "all of constants": "torch.autograd.graph.register_multi_grad_hook((torch.ones(2),), lambda gs: log(gs))",
    "all, leaf and inner": X
    + "y = x * 2\ntorch.autograd.graph.register_multi_grad_hook((x, y), lambda gs: log(gs))\n(y * y).sum().backward()",
    "an unknown mode": X + "torch.autograd.graph.register_multi_grad_hook((x,), lambda gs: log(gs), mode='none')",
    # modules
    "module": "m = torch.nn.Linear(2, 2)\nwith torch.no_grad():\n    m.weight.copy_(torch.eye(2))\nm.register_full_backward_pre_hook(lambda m, go: log('pre', go))\nm.register_full_backward_hook(lambda m, gi, go: log('post', gi, go))\nx = torch.ones(1, 2, requires_grad=True)\nx.register_hook(lambda g: log('x'))\ny = m(x)\ny.register_hook(lambda g: log('y'))\n(y * y).sum().backward()",
    "module, replaced": "m = torch.nn.Tanh()\nm.register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))\nm.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,))\nx = torch.ones(1, 2, requires_grad=True)\nm(x).sum().backward()\nlog(x.grad)",
    "every module": "h = torch.nn.modules.module.register_module_full_backward_hook(lambda m, gi, go: log(type(m).__name__))\nm = torch.nn.Sequential(torch.nn.Tanh(), torch.nn.ReLU())\nm.register_full_backward_hook(lambda m, gi, go: log('own'))\nm(torch.ones(2, requires_grad=True)).sum().backward()\nh.remove()",
    "parameter gradients before the module's hook": "m = torch.nn.Linear(2, 2)\nm.register_full_backward_hook(lambda m, gi, go: log('module', m.weight.grad is None))\nm.weight.register_hook(lambda g: log('weight'))\nm.bias.register_hook(lambda g: log('bias'))\nm(torch.ones(1, 2, requires_grad=True)).sum().backward()",
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])
