"""`torch.vmap`, and modules as functions: every argument and every check."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

START = """
U, vmap = torch.func, torch.vmap
x, y = torch.arange(6.0).reshape(2, 3), torch.arange(3.0)
"""
CALLS = [
    "vmap(lambda a:a*2)(x)",
    "vmap(lambda a:a.sum())(x)",
    "vmap(lambda a:a*2, in_dims=1)(x)",
    "vmap(lambda a:a*2, in_dims=1, out_dims=1)(x)",
    "vmap(lambda a:a*2, in_dims=-1)(x)",
    "vmap(lambda a:a*2, out_dims=-1)(x)",
    "vmap(lambda a:a*2, out_dims=5)(x)",
    "vmap(lambda a,b:a*b, in_dims=(0,None))(x,y)",
    "vmap(lambda a,b:a*b, in_dims=(None,None))(x,y)",
    "vmap(lambda a,b:a*b)(x,y)",
    "vmap(lambda a,b:a*b)(x,torch.ones(2,3))",
    "vmap(lambda a:a)(3)",
    "vmap(lambda a:a, in_dims=2)(x)",
    "vmap(lambda a:a, in_dims=(0,0))(x)",
    "vmap(lambda a:a, in_dims='a')(x)",
    "vmap(lambda a:a, in_dims=[0])(x)",
    "vmap(lambda a:a, in_dims=0.5)(x)",
    "vmap(lambda a:a)()",
    "vmap(lambda a:3)(x)",
    "vmap(lambda a:None)(x)",
    "vmap(lambda a:(a,3))(x)",
    "vmap(lambda a:(a,a.sum()))(x)",
    "vmap(lambda a:(a,a.sum()), out_dims=(1,0))(x)",
    "vmap(lambda a:(a,a.sum()), out_dims=(1,))(x)",
    "vmap(lambda a:a, out_dims='a')(x)",
    "vmap(lambda a:a, out_dims=(0,))(x)",
    "vmap(lambda a:[a,a])(x)",
    "vmap(lambda a:{'k':a})(x)",
    "vmap(lambda d:d['a']*d['b'])({'a':x,'b':x})",
    "vmap(lambda d:d['a']*d['b'], in_dims=({'a':0,'b':None},))({'a':x,'b':y})",
    "vmap(lambda a,k:a*k, in_dims=(0,None))(x,3)",
    "vmap(lambda a,k:a*k, in_dims=(0,0))(x,3)",
    "vmap(lambda a,*,k:a*k)(x,k=torch.ones(2,3))",
    "vmap(lambda a:torch.ones(2))(x)",
    "vmap(lambda a:a+torch.rand(3))(x).shape",
    "vmap(lambda a:torch.rand(3), randomness='same')(x).shape",
    "vmap(lambda a:a, randomness='none')(x)",
    "vmap(lambda a:a*2, chunk_size=1)(x)",
    "vmap(lambda a:a*2, chunk_size=0)(x)",
    "vmap(vmap(lambda a:a*2))(x)",
    "vmap(torch.dot)(x,x)",
    "vmap(lambda a: a*2, out_dims=None)(x)",
    "vmap(lambda a: y*2, out_dims=None)(x)",
    "vmap(lambda a:a)(torch.ones(()))",
    "vmap(lambda a:a*2)(torch.ones(0,3))",
    "vmap(U.grad(lambda a:(a**3).sum()))(x)",
    "vmap(U.grad(lambda w,a:(w*a**3).sum()),in_dims=(None,0))(y,x)",
    "U.grad(lambda w: vmap(lambda a:(w*a**3).sum())(x).sum())(y)",
    "vmap(U.jacrev(lambda a:a**2))(x).shape",
    "vmap(U.hessian(lambda a:(a**3).sum()))(x).shape",
    "vmap(lambda a: a.add_(1))(x.clone())",
    "vmap(lambda a: a.shape[0]*a)(x)",
    "U.functional_call(torch.nn.Linear(2,2), {'weight':torch.eye(2),'bias':torch.zeros(2)}, torch.ones(2))",
    "U.functional_call(torch.nn.Linear(2,2), {'weight':torch.eye(2)}, (torch.ones(2),)).shape",
    "U.functional_call(torch.nn.Linear(2,2), {'weight':torch.eye(2)}, (torch.ones(2),),strict=True)",
    "U.functional_call(torch.nn.Linear(2,2), {'w':torch.eye(2)}, (torch.ones(2),)).shape",
    "U.functional_call(torch.nn.Linear(2,2), {'w':torch.eye(2)}, (torch.ones(2),),strict=True)",
    "U.functional_call(torch.nn.Linear(2,2), ({'weight':torch.eye(2)},{'bias':torch.zeros(2)}), (torch.ones(2),))",
    "U.functional_call(torch.nn.Linear(2,2), ({'weight':torch.eye(2)},{'weight':torch.zeros(2)}), (torch.ones(2),))",
    "U.functional_call(torch.nn.Linear(2,2), 3, (torch.ones(2),))",
    "U.functional_call(torch.nn.Linear(2,2), {'weight':3}, (torch.ones(2),))",
    "U.stack_module_state([])",
    "U.stack_module_state([torch.nn.Linear(2,2),torch.nn.Tanh()])",
    "U.stack_module_state([torch.nn.Linear(2,2),torch.nn.Linear(2,2).eval()])",
    "{k:(v.shape,v.requires_grad,v.is_leaf) for k,v in U.stack_module_state([torch.nn.Linear(2,2),torch.nn.Linear(2,2)])[0].items()}",]  # fmt: skip
NET = """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)
    def forward(self, x):
        return self.two(torch.relu(self.one(x)))
torch.manual_seed(0)
net = Net()
data, targets = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
"""
PROGRAMS = {call: f"{START}log({call})" for call in CALLS} | {
    "per-sample gradients": START
    + NET
    + "p = {k: v.detach() for k, v in net.named_parameters()}\ndef loss(p, sample, target):\n    out = U.functional_call(net, p, (sample.unsqueeze(0),))\n    return F.cross_entropy(out, target.unsqueeze(0))\nlog(vmap(U.grad(loss), in_dims=(None, 0, 0))(p, data, targets))",
    "per-sample gradients by a loop": START
    + NET
    + "grads = vmap(U.grad(lambda p, s, t: F.cross_entropy(U.functional_call(net, p, (s[None],)), t[None])), in_dims=(None, 0, 0))({k: v.detach() for k, v in net.named_parameters()}, data, targets)\nfor i in range(5):\n    loss = F.cross_entropy(net(data[i:i + 1]), targets[i:i + 1])\n    for (k, v), g in zip(net.named_parameters(), torch.autograd.grad(loss, list(net.parameters()))):\n        assert torch.allclose(grads[k][i], g, atol=1e-6)",
    "an ensemble": START
    + NET
    + "nets = [Net() for _ in range(3)]\np, b = U.stack_module_state(nets)\nout = vmap(lambda p, b, x: U.functional_call(nets[0], (p, b), (x,)), in_dims=(0, 0, None))(p, b, data)\nlog(out)\nout.sum().backward()\nlog(p['one.weight'].grad)",
    "an ensemble, different batches": START
    + NET
    + "nets = [Net() for _ in range(5)]\np, b = U.stack_module_state(nets)\nlog(vmap(lambda p, b, x: U.functional_call(nets[0], (p, b), (x,)))(p, b, data))",
    "backward through vmap": START
    + "xg = x.clone().requires_grad_()\nvmap(lambda a, b: (a * b).sum() ** 2, in_dims=(0, None))(xg, y).sum().backward()\nlog(xg.grad)",
    "backward through vmap, dim 1": START
    + "xg = x.clone().requires_grad_()\nvmap(lambda a: a ** 2, in_dims=1, out_dims=1)(xg).sum().backward()\nlog(xg.grad)",
    "jacobian by vmap": START
    + "z = torch.ones(3, requires_grad=True)\nout = z ** 3\nlog(vmap(lambda v: torch.autograd.grad(out, z, v, retain_graph=True)[0])(torch.eye(3)))",
    "vmap over vjp": START + "out, pull = U.vjp(lambda a: a ** 2, y)\nlog(vmap(pull)(torch.eye(3)))",
    "vmap over jvp": START + "log(vmap(lambda v: U.jvp(lambda a: a ** 2, (y,), (v,))[1])(torch.eye(3)))",
    "vmap of vmap": START + "log(vmap(vmap(lambda a, b: a * b, in_dims=(0, None)), in_dims=(None, 0))(y, y))",
    "pairs": START + "log(vmap(lambda a: vmap(lambda b: (a - b).abs().sum())(x))(x))",
    "a matrix product": START + "log(vmap(torch.mv, in_dims=(None, 0))(torch.ones(2, 3), x), vmap(torch.outer)(x, x))",
    "same numbers": START
    + "r = vmap(lambda a: a * 0 + torch.rand(3), randomness='same')(x)\nlog(bool((r[0] == r[1]).all()))",
    "different numbers": START
    + "r = vmap(lambda a: a * 0 + torch.rand(3), randomness='different')(x)\nlog(bool((r[0] == r[1]).all()))",
    "dropout": START + "vmap(lambda a: F.dropout(a))(x)",
    "a name": START + "def f(a):\n    'text'\n    return a\nlog(vmap(f).__name__, vmap(f).__doc__)",
    "a lambda's dims by name": START
    + "def f(a, b):\n    return a, b\nlog(vmap(f, in_dims=(1, 0), out_dims=(0, 1))(x, torch.ones(3, 2)))",
    "buffers are not lost": "m = torch.nn.BatchNorm1d(2)\nb = {k: v.clone() for k, v in m.named_buffers()}\ntorch.func.functional_call(m, b, (torch.arange(6.0).reshape(3, 2),))\nlog(b, m.running_mean)",
    "a module left as it was": "m = torch.nn.Linear(2, 2)\nw = m.weight\ntry:\n    torch.func.functional_call(m, {'weight': torch.ones(3, 3)}, (torch.ones(2),))\nexcept RuntimeError:\n    pass\nlog(m.weight is w)",
    "tied weights": "class M(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.a = torch.nn.Parameter(torch.ones(2))\n        self.b = self.a\n    def forward(self, x):\n        return x * self.a + self.b\nm = M()\nlog(torch.func.functional_call(m, {'a': torch.zeros(2)}, (torch.ones(2),)))\nlog(torch.func.functional_call(m, {'a': torch.zeros(2)}, (torch.ones(2),), tie_weights=False))\ntorch.func.functional_call(m, {'a': torch.zeros(2), 'b': torch.ones(2)}, (torch.ones(2),))",
    "keywords": "class M(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.a = torch.nn.Parameter(torch.ones(2))\n    def forward(self, x, *, k):\n        return x * self.a * k\nlog(torch.func.functional_call(M(), {'a': torch.full((2,), 3.0)}, (torch.ones(2),), {'k': 2}))",
    "batch norm without state": "m = torch.nn.Sequential(torch.nn.BatchNorm1d(2))\nlog(torch.func.replace_all_batch_norm_modules_(m) is m, m[0].running_mean, m[0].track_running_stats)\nlog(m(torch.arange(6.0).reshape(3, 2)))",
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])


def test_a_sample_may_be_looked_at() -> None:
    """More than PyTorch allows: the function sees ordinary tensors."""
    import gradviz as torch

    x = torch.tensor([[1.0, 2.0], [-3.0, 1.0]])
    assert torch.vmap(lambda a: a if a.sum().item() > 0 else -a)(x).tolist() == [[1.0, 2.0], [3.0, -1.0]]
