"""`torch.utils.checkpoint`: both ways, and what they refuse."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

START = """
import importlib
C = torch.utils.checkpoint
x = torch.tensor([1.0, 2.0], requires_grad=True)
w = torch.tensor([0.5, 3.0], requires_grad=True)
calls = []
def f(a):
    calls.append(1)
    return (a * a).sin()
def changing(first, then, **options):
    count = [0]
    def h(a):
        count[0] += 1
        return first(a) if count[0] == 1 else then(a)
    C.checkpoint(h, x, use_reentrant=False, **options).sum().backward()
    log(x.grad)
"""
BOTH = {
    "gradients": "y = C.checkpoint(f, x, use_reentrant=R)\nlog(y, len(calls))\ny.sum().backward()\nlog(x.grad, len(calls))",
    "of captured tensors": "C.checkpoint(lambda a: a * w * w, x, use_reentrant=R).sum().backward()\nlog(x.grad, w.grad)",
    "no input that requires grad": "y = C.checkpoint(lambda a: a * w, x.detach(), use_reentrant=R)\nlog(y)",
    "several inputs and outputs": "a, t, b = C.checkpoint(lambda a, b, n: (a * b * n, 'text', a + b), x, w, 3, use_reentrant=R)\nlog(a, t, b)\n(a * b).sum().backward()\nlog(x.grad, w.grad)",
    "keywords": "log(C.checkpoint(lambda a, b: a * b, x, b=3, use_reentrant=R))",
    "an unknown check": "C.checkpoint(f, x, use_reentrant=R, determinism_check='none of these')",
    "contexts": "C.checkpoint(f, x, use_reentrant=R, context_fn=lambda: (1, 2))",
    "debug": "log(C.checkpoint(f, x, use_reentrant=R, debug=True))",
    "grad": "log(torch.autograd.grad(C.checkpoint(f, x, use_reentrant=R).sum(), x))",
    "backward into inputs": "C.checkpoint(f, x, use_reentrant=R).sum().backward(inputs=[x])\nlog(x.grad)",
    "twice": "y = C.checkpoint(f, x, use_reentrant=R).sum()\ny.backward()\ny.backward()",
    "twice, retained": "y = C.checkpoint(f, x, use_reentrant=R).sum()\ny.backward(retain_graph=True)\ny.backward()\nlog(x.grad, len(calls))",
    "twice in a row": "y = C.checkpoint(f, C.checkpoint(f, x, use_reentrant=R), use_reentrant=R)\ny.sum().backward()\nlog(x.grad, len(calls))",
    "nested": "y = C.checkpoint(lambda a: C.checkpoint(f, a, use_reentrant=R) * a, x, use_reentrant=R)\ny.sum().backward()\nlog(x.grad)",
    "the same random numbers": "torch.manual_seed(0)\ny = C.checkpoint(lambda a: F.dropout(a * a), torch.ones(50).requires_grad_(), use_reentrant=R)\ny.sum().backward()\nlog(torch.rand(2))",
    "random numbers and gradients agree": "z = torch.ones(50, requires_grad=True)\ny = C.checkpoint(lambda a: F.dropout(a), z, use_reentrant=R)\ny.sum().backward()\nlog(bool((y == z.grad).all()))",
    "random numbers not preserved": "z = torch.ones(50, requires_grad=True)\ny = C.checkpoint(lambda a: F.dropout(a), z, use_reentrant=R, preserve_rng_state=False)\ny.sum().backward()\nlog(bool((y == z.grad).all()))",
    "under no_grad": "with torch.no_grad():\n    log(C.checkpoint(f, x, use_reentrant=R))",
    "a module": "m = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))\nwith torch.no_grad():\n    for p in m.parameters():\n        p.fill_(0.3)\nC.checkpoint(m, x[None], use_reentrant=R).sum().backward()\nlog([p.grad for p in m.parameters()], x.grad)",
    "an error inside": "def h(a):\n    raise KeyError('k')\nC.checkpoint(h, x, use_reentrant=R)",
    "no gradient inside": "y = C.checkpoint(lambda a: a.detach() * 2, x, use_reentrant=R)\nlog(y)\ny.sum().backward()",
    "a dict as input": "log(C.checkpoint(lambda d: d['a'] * 2, {'a': x}, use_reentrant=R))",
    "hooks on what goes in": "x.register_hook(lambda g: log('hook', g))\nC.checkpoint(f, x, use_reentrant=R).sum().backward()",
    "in sequence": "y = C.checkpoint_sequential([torch.tanh, torch.exp, torch.sin], 2, x, use_reentrant=R)\ny.sum().backward()\nlog(y, x.grad)",
    "in sequence, a module": "y = C.checkpoint_sequential(torch.nn.Sequential(torch.nn.Tanh(), torch.nn.Sigmoid()), 2, x, use_reentrant=R)\ny.sum().backward()\nlog(x.grad)",
    "in sequence, an unknown keyword": "C.checkpoint_sequential([torch.tanh], 1, x, use_reentrant=R, k=1)",
}
PROGRAMS = {
    f"{name}, {way}": f"{START}R = {way == 'reentrant'}\n{program}"
    for name, program in BOTH.items()
    for way in ("reentrant", "not reentrant")
} | {
    name: START + program
    for name, program in {
        "no way given": "log(C.checkpoint(f, x))",
        "no way given, in sequence": "log(C.checkpoint_sequential([torch.tanh, torch.exp], 2, x))",
        "another number": "changing(lambda a: (a * a).sin(), torch.exp)",
        "another shape": "changing(lambda a: a * a, lambda a: a[:1] * a[:1])",
        "another dtype": "changing(lambda a: a * a, lambda a: (a.double() * a.double()))",
        "another shape, unchecked": "changing(lambda a: a * a, lambda a: a[:1] * a[:1], determinism_check='none')",
        "more the second time": "changing(lambda a: a * a, lambda a: (a * a).sin())",
        "more the second time, to the end": "changing(lambda a: a * a, lambda a: (a * a).sin(), early_stop=False)",
        "more the second time, to the end by setting": "with C.set_checkpoint_early_stop(False):\n    changing(lambda a: a * a, lambda a: (a * a).sin())",
        "contexts": "import contextlib\n@contextlib.contextmanager\ndef c(n):\n    log(n + '+')\n    yield\n    log(n + '-')\nC.checkpoint(f, x, use_reentrant=False, context_fn=lambda: (c('first'), c('second'))).sum().backward()",
        "create_graph": "g, = torch.autograd.grad(C.checkpoint(f, x, use_reentrant=False).sum(), x, create_graph=True)\nlog(g)\nlog(torch.autograd.grad(g.sum(), x))",
        "error": "log(C.CheckpointError.__name__, issubclass(C.CheckpointError, RuntimeError))",
        "in place inside": "def h(a):\n    b = a * 2\n    b.mul_(a)\n    return b.sin()\nC.checkpoint(h, x, use_reentrant=False).sum().backward()\nlog(x.grad)",
        "a Function inside": "class g(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        out = a.exp()\n        ctx.save_for_backward(out)\n        return out\n    @staticmethod\n    def backward(ctx, d):\n        out, = ctx.saved_tensors\n        return d * out\nC.checkpoint(lambda a: g.apply(a * a), x, use_reentrant=False).sum().backward()\nlog(x.grad)",
    }.items()
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])


def test_activations_are_not_kept() -> None:
    """After the forward the graph holds tickets; only the input's memory is kept."""
    import gradviz as torch
    from gradviz.core.saved import Packed

    x = torch.ones(3, requires_grad=True)
    y = torch.utils.checkpoint.checkpoint(lambda a: (a * a).sin().exp(), x, use_reentrant=False)
    node = y.grad_fn
    while node.op is not None:
        assert all(isinstance(v.content, int) for v in node.saved if isinstance(v, Packed))
        node = node.next_functions[0][0]


@pytest.mark.parametrize("setting", [False, True])
def test_debug_lists_the_operations(setting: bool) -> None:
    import gradviz as torch

    runs: list[int] = []

    def f(a: object) -> object:
        runs.append(1)
        return (a * a).sin() if len(runs) == 1 else a * a

    checkpoint = torch.utils.checkpoint
    x = torch.ones(2, requires_grad=True)
    with checkpoint.set_checkpoint_debug_enabled(True if setting else None):
        y = checkpoint.checkpoint(f, x, use_reentrant=False, debug=not setting)
    with pytest.raises(checkpoint.CheckpointError, match="dumping logs") as raised:
        y.sum().backward()
    assert "first: mul, sin" in raised.value.__notes__[0]
