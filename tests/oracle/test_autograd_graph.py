"""`torch.autograd.graph`: saved-tensor hooks, versions, nodes."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

X = "x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\nG = torch.autograd.graph\n"
HOOKS = X + "hooks = G.saved_tensors_hooks(lambda t: (log('pack', t), t)[1], lambda t: (log('unpack', t), t)[1])\n"

PROGRAMS = {
    "packed and unpacked": HOOKS + "with hooks:\n    y = x * x\ny.sum().backward()\nlog(x.grad)",
    "an output": HOOKS + "with hooks:\n    y = x.exp()\ny.sum().backward()\nlog(x.grad)",
    "an inner tensor": HOOKS + "y = x * 2\nwith hooks:\n    z = y.sin()\nz.sum().backward()\nlog(x.grad)",
    "nothing kept": HOOKS + "with hooks:\n    y = x + 1\ny.sum().backward()\nlog(x.grad)",
    "two inputs": X
    + "seen = []\nhooks = G.saved_tensors_hooks(lambda t: (seen.append(t.sum().item()), t)[1], lambda t: t)\nw = torch.tensor([4.0, 5.0, 6.0], requires_grad=True)\nwith hooks:\n    y = x * w\ny.sum().backward()\nlog(sorted(seen), x.grad, w.grad)",
    "one input needed": HOOKS
    + "w = torch.tensor([4.0, 5.0, 6.0])\nwith hooks:\n    y = x * w\ny.sum().backward()\nlog(x.grad)",
    "matrices": HOOKS
    + "a = torch.eye(2, requires_grad=True)\nwith hooks:\n    y = a @ torch.ones(2, 2)\ny.sum().backward()\nlog(a.grad)",
    "a Function": HOOKS
    + "class f(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        out = a.exp()\n        ctx.save_for_backward(a, out)\n        return out\n    @staticmethod\n    def backward(ctx, g):\n        a, out = ctx.saved_tensors\n        return g * out\nwith hooks:\n    y = f.apply(x)\ny.sum().backward()\nlog(x.grad)",
    "as something else": X
    + "with G.saved_tensors_hooks(lambda t: t.numpy().tobytes(), lambda b: torch.from_numpy(np.frombuffer(b, np.float32).copy())):\n    y = x * x\ny.sum().backward()\nlog(x.grad)",
    "changed on the way": X
    + "with G.saved_tensors_hooks(lambda t: t * 10, lambda t: t):\n    y = x * x\ny.sum().backward()\nlog(x.grad)",
    "second gradients": X
    + "with G.saved_tensors_hooks(lambda t: t.clone(), lambda t: t.clone()):\n    y = x ** 3\n    g, = torch.autograd.grad(y.sum(), x, create_graph=True)\nlog(g)\nlog(torch.autograd.grad(g.sum(), x))",
    "second gradients of exp": X
    + "with G.saved_tensors_hooks(lambda t: t.clone(), lambda t: t.clone()):\n    y = x.exp()\n    g, = torch.autograd.grad(y.sum(), x, create_graph=True)\n    h, = torch.autograd.grad(g.sum(), x, create_graph=True)\nlog(g, h)\nlog(torch.autograd.grad(h.sum(), x))",
    "nested": X
    + "with G.saved_tensors_hooks(lambda t: (log('outer'), t)[1], lambda t: t):\n    with G.saved_tensors_hooks(lambda t: (log('inner'), t)[1], lambda t: t):\n        y = x.sin()\n    z = x.sin()",
    "read by name": HOOKS + "with hooks:\n    y = x.exp()\nlog(y.grad_fn._saved_result)",
    "an error while packing": X
    + "def pack(t):\n    raise KeyError('k')\nwith G.saved_tensors_hooks(pack, lambda t: t):\n    x.sin()",
    "an error while unpacking": X
    + "def unpack(t):\n    raise KeyError('k')\nwith G.saved_tensors_hooks(lambda t: t, unpack):\n    y = x.sin()\ny.sum().backward()",
    "unpacked to a number": X
    + "with G.saved_tensors_hooks(lambda t: 3, lambda t: t):\n    y = x.sin()\ny.sum().backward()",
    "written while packing": X + "with G.saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t):\n    y = x.sin()",
    "overwritten after packing": X
    + "h = x * 1\nwith G.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):\n    y = h.sin()\nh.add_(1)\ny.sum().backward()\nlog(x.grad)",
    "backward twice": HOOKS
    + "with hooks:\n    y = x.sin()\ny.sum().backward(retain_graph=True)\ny.sum().backward()\nlog(x.grad)",
    "backward twice, freed": HOOKS + "with hooks:\n    y = x.sin().sum()\ny.backward()\ny.backward()",
    "in place inside": X
    + "with G.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):\n    h = x * 1\n    h.mul_(h.sin().detach())\n    y = h.exp()\n    y.mul_(2)\ny.sum().backward()\nlog(x.grad)",
    "in place on what is kept": X
    + "with G.saved_tensors_hooks(lambda t: t, lambda t: t):\n    h = x * 1\n    h.mul_(x)\n    h.sin_()\n    h.pow_(2)\nh.sum().backward()\nlog(x.grad)",
    "softmax and loss": X
    + "with G.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):\n    y = F.cross_entropy(x[None], torch.tensor([1]))\ny.backward()\nlog(x.grad)",
    "saved on the CPU": X + "with G.save_on_cpu():\n    y = (x * x).exp()\ny.sum().backward()\nlog(x.grad)",
    "refused": X
    + "with G.disable_saved_tensors_hooks('not here'):\n    with G.saved_tensors_hooks(lambda t: t, lambda t: t):\n        pass",
    "refused while on": X
    + "with G.saved_tensors_hooks(lambda t: t, lambda t: t):\n    with G.disable_saved_tensors_hooks('not here'):\n        pass",
    "refused by a decorator": X
    + "@G.disable_saved_tensors_hooks('not here')\ndef f():\n    with G.saved_tensors_hooks(lambda t: t, lambda t: t):\n        pass\nf()",
    "refused no more": X
    + "with G.disable_saved_tensors_hooks('not here'):\n    pass\nwith G.saved_tensors_hooks(lambda t: t, lambda t: t):\n    log(x.sin())",
    "overwriting allowed": X
    + "with G.allow_mutation_on_saved_tensors():\n    h = x * 1\n    y = h * h\n    h.sin_()\n    y.sum().backward()\nlog(x.grad)",
    "overwriting allowed, too late": X
    + "with G.allow_mutation_on_saved_tensors():\n    y = x.sin()\ny.sum().backward()",
    # versions
    "versions": "t = torch.ones(2)\nlog(t._version)\nt.add_(1)\nt[0] = 3\nv = t[:1]\nlog(t._version, v._version)\nv.mul_(2)\nlog(t._version, v._version)",
    "a version counted": X + "h = x * 1\ny = h * h\nG.increment_version(h)\nlog(h._version)\ny.sum().backward()",
    "versions counted": "a, b = torch.ones(2), torch.ones(2)\ntorch.autograd.graph.increment_version([a, b])\nlog(a._version, b._version)",
    "detached shares the version": "t = torch.ones(2)\nd = t.detach()\nd.add_(1)\nlog(t._version)",
    # nodes
    "names": X
    + "y = (x * 2).sum()\nn = y.grad_fn\nlog(n.name(), n.next_functions[0][0].name(), n.next_functions[0][1], isinstance(n, G.Node))",
    "metadata": X + "y = x * 2\ny.grad_fn.metadata['k'] = 3\nlog(y.grad_fn.metadata)",
    "one accumulator per leaf": X
    + "y, z = x * 2, x * 3\nlog(y.grad_fn.next_functions[0][0] is z.grad_fn.next_functions[0][0], y.grad_fn.next_functions[0][0].variable is x)",
    "saved values": X + "y = x ** 3\nlog(y.grad_fn._saved_self is x, y.grad_fn._saved_exponent)",
    "saved values freed": X + "y = x ** 3\ny.sum().backward()\ny.grad_fn._saved_self",
    "run by hand": X
    + "w = torch.ones(3, requires_grad=True)\nlog((x * w).grad_fn(torch.ones(3)))\nlog(x.exp().grad_fn(torch.ones(3)))\na, b, c = x.unbind()\nlog(a.grad_fn(torch.tensor(1.0), None, None))\nwith torch.no_grad():\n    log((x * w).grad_fn(torch.ones(3)), x.sum().grad_fn(torch.tensor(2.0)))",
    "run by hand, an accumulator": X + "log((x * 2).grad_fn.next_functions[0][0](torch.ones(3)))\nlog(x.grad)",
    "run by hand, too many": X + "(x * x).grad_fn(torch.ones(3), torch.ones(3))",
    "run by hand, a number": X + "(x * x).grad_fn(3)",
    "run by hand, nothing": X + "log((x * x).grad_fn(None))",
    "hooks on one kept tensor": X
    + "y = x.exp()\ns = y.grad_fn._raw_saved_result\ns.register_hooks(lambda t: (log('pack', t.detach()), t * 10)[1], lambda t: (log('unpack', t), t)[1])\ny.sum().backward()\nlog(x.grad)",
    "hooks on one kept input": X
    + "y = x * x.detach()\nlog(y.grad_fn._raw_saved_other.data)\ny.grad_fn._raw_saved_other.register_hooks(lambda t: t * 10, lambda t: t)\ny.sum().backward()\nlog(x.grad)",
    "hooks on one kept tensor, twice": X
    + "y = x.exp()\ns = y.grad_fn._raw_saved_result\ns.register_hooks(lambda t: t, lambda t: t)\ns.register_hooks(lambda t: t, lambda t: t)",
    "hooks on one kept tensor, freed": X
    + "y = x.exp()\ns = y.grad_fn._raw_saved_result\ny.sum().backward()\nlog(s.data)\ns.register_hooks(lambda t: t, lambda t: t)",
    "hooks on what a Function keeps": X
    + "class f(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        out = a.exp()\n        ctx.save_for_backward(a, out)\n        return out\n    @staticmethod\n    def backward(ctx, g):\n        log(ctx.saved_tensors)\n        return g\ny = f.apply(x)\nfor s in y.grad_fn._raw_saved_tensors:\n    s.register_hooks(lambda t: t * 10, lambda t: t)\ny.sum().backward()",
    "an unknown kept tensor": X + "(x ** 2).grad_fn._raw_saved_exponent",
    "output numbers": X + "a, b, c = x.unbind()\nlog(a.output_nr, c.output_nr, a.grad_fn is c.grad_fn)",
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])


def test_nothing_listens_afterwards() -> None:
    import gradviz as torch
    from gradviz.core import events

    with pytest.raises(KeyError), torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        raise KeyError
    assert not events.watching


def test_stepping_through_packed_values() -> None:
    import gradviz as torch

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = (x * x).sin().sum()
    session = torch.autograd.Backward([y])
    session.run()
    first = x.grad.tolist()
    session.seek(0)
    assert x.grad is None
    assert session.run().done
    assert x.grad.tolist() == first
