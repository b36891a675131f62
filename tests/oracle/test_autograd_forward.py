"""`torch.autograd.forward_ad`: dual tensors and what they carry."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

START = """
import importlib
f = torch.autograd.forward_ad
x, t = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
def inside(function, *pairs):
    with f.dual_level():
        out = f.unpack_dual(function(*(f.make_dual(a, b) for a, b in pairs)))
        log(out.primal.detach(), None if out.tangent is None else out.tangent)
"""
PROGRAMS = {
    "square": "inside(lambda a: a * a, (x, t))",
    "itself": "inside(lambda a: a, (x, t))",
    "two": "inside(lambda a, b: a * b + a.sin(), (x, t), (t, x))",
    "a matrix": "inside(lambda a: torch.tanh(a @ a.T).sum(1), (torch.eye(2), torch.ones(2, 2)))",
    "independent": "inside(lambda a: torch.ones(2), (x, t))",
    "detached": "inside(lambda a: (a * 2).detach(), (x, t))",
    "indexing": "inside(lambda a: torch.stack([a[1], a[0] * a[1]]), (x, t))",
    "softmax": "inside(lambda a: torch.softmax(a, 0), (x, t))",
    "in place": "def g(a):\n    b = a * 2\n    b.mul_(a)\n    return b\ninside(g, (x, t))",
    "a Python branch": "inside(lambda a: a * 2 if a.sum() > 0 else -a, (x, t))",
    "with reverse": "w = x.clone().requires_grad_()\nwith f.dual_level():\n    d = f.make_dual(w, t)\n    p, v = f.unpack_dual((d ** 3).sum())\n    log(v.detach())\n    log(torch.autograd.grad(v, w))",
    "a tangent that requires grad": "v = t.clone().requires_grad_()\nwith f.dual_level():\n    out = f.unpack_dual((f.make_dual(x, v) ** 2).sum()).tangent\n    log(torch.autograd.grad(out, v))",
    "an ordinary tensor": "with f.dual_level():\n    log(tuple(f.unpack_dual(x)))",
    "after the level": "with f.dual_level():\n    y = f.make_dual(x, t) * 2\nlog(f.unpack_dual(y).tangent)",
    "names": "with f.dual_level() as level:\n    out = f.unpack_dual(f.make_dual(x, t))\nlog(level, type(out).__name__, out._fields)",
    "no level": "f.make_dual(x, t)",
    "no level to unpack": "log(tuple(f.unpack_dual(x)))",
    "no level to leave": "f.exit_dual_level()",
    "two levels": "with f.dual_level():\n    with f.dual_level():\n        pass",
    "another shape": "with f.dual_level():\n    f.make_dual(x, torch.ones(3))",
    "integers": "with f.dual_level():\n    f.make_dual(torch.tensor([1]), torch.tensor([1]))",
    "an integer tangent": "with f.dual_level():\n    f.make_dual(x, torch.tensor([1, 2]))",
    "twice": "with f.dual_level():\n    f.make_dual(f.make_dual(x, t), t)",
    "another level": "with f.dual_level():\n    f.make_dual(x, t, level=3)",
    "a number": "f.unpack_dual(3)",
    "a network": "m = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))\nwith torch.no_grad():\n    for p in m.parameters():\n        p.copy_(torch.arange(p.numel()).view(p.shape) * 0.1)\n        p.requires_grad_(False)\ninside(m, (x, t))",
    "a network's parameters": "m = torch.nn.Linear(2, 1)\np = {k: torch.ones_like(v.detach()) for k, v in m.named_parameters()}\nwith f.dual_level():\n    duals = {k: f.make_dual(v, torch.full_like(v, 0.5)) for k, v in p.items()}\n    log(f.unpack_dual(torch.func.functional_call(m, duals, (x,))).tangent)",
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    import importlib

    importlib.import_module("torch.autograd.forward_ad")
    behave(START + PROGRAMS[name])
