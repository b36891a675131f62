"""`torch.func`: transforms of functions, every argument and every check."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

START = """
U = torch.func
x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
xg, k = x.clone().requires_grad_(), torch.ones(2, 3)
def sq(x): return x ** 2
def cube(x): return (x ** 3).sum()
def two(x, y): return (x * y).sum()
"""
CALLS = [
    "U.grad(cube)(x)",
    "U.grad(cube)(xg)",
    "U.grad(sq)(x)",
    "U.grad(lambda x: 3)(x)",
    "U.grad(lambda x: (cube(x),1))(x)",
    "U.grad(two, argnums=1)(x,y)",
    "U.grad(two, argnums=(0,1))(x,y)",
    "U.grad(two, argnums=(1,))(x,y)",
    "U.grad(two, argnums=-1)(x,y)",
    "U.grad(two, argnums=3)(x,y)",
    "U.grad(two, argnums=(0,0))(x,y)",
    "U.grad(two, argnums=())(x,y)",
    "U.grad(two, argnums='a')(x,y)",
    "U.grad(two, argnums=-3)(x,y)",
    "U.grad(cube)(3)",
    "U.grad(cube)(torch.tensor([1,2]))",
    "U.grad(cube)()",
    "U.grad(lambda x: (cube(x), x*2), has_aux=True)(x)",
    "U.grad(lambda x: cube(x), has_aux=True)(x)",
    "U.grad(lambda x: (cube(x), 'text'), has_aux=True)(x)",
    "U.grad(lambda x: (cube(x), {'a': x}), has_aux=True)(x)",
    "U.grad_and_value(cube)(x)",
    "U.grad_and_value(lambda x: (cube(x), x), has_aux=True)(x)",
    "U.grad(lambda d: (d['a']*d['b']).sum())({'a':x,'b':y})",
    "U.grad(lambda x: torch.ones(()))(x)",
    "U.grad(lambda x: x.detach().sum())(x)",
    "U.grad(lambda x, *, k: (x*k).sum())(x, k=y)",
    "torch.no_grad()(U.grad(cube))(x)",
    "torch.no_grad()(U.grad(cube))(xg)",
    "U.grad(lambda x: torch.no_grad()(cube)(x))(x)",
    "U.grad(lambda z: (z*xg).sum())(x)",
    "U.vjp(sq, x)[0]",
    "U.vjp(sq, x)[1](y)",
    "U.vjp(two, x, y)[1](torch.ones(()))",
    "U.vjp(lambda x:(x*2,x*3), x)[1]((y,y))",
    "U.vjp(lambda x:(x*2,x*3), x)[1](y,y)",
    "U.vjp(sq, x)[1](torch.ones(3))",
    "U.vjp(sq, x)[1](3)",
    "U.vjp(lambda x: 3, x)",
    "U.vjp(lambda x: {'a':x*2}, x)[1]({'a':y})",
    "U.vjp(lambda x: [x*2], x)[1]([y])",
    "U.vjp(sq)",
    "U.vjp(sq, 3)",
    "U.vjp(lambda x:(x*2,x), x, has_aux=True)[0::2]",
    "U.vjp(lambda x:x*2, x, has_aux=True)",
    "U.jvp(sq,(x,),(y,))",
    "U.jvp(sq,x,y)",
    "U.jvp(sq,(x,),(torch.ones(3),))",
    "U.jvp(sq,(x,),y)",
    "U.jvp(sq,(x,),(y,y))",
    "U.jvp(sq,(x,),(3,))",
    "U.jvp(sq,(),())",
    "U.jvp(lambda x:3,(x,),(y,))",
    "U.jvp(lambda x:torch.ones(2),(x,),(y,))",
    "U.jvp(lambda x:torch.ones(2),(x,),(y,),strict=True)",
    "U.jvp(lambda x:(x*2,x),(x,),(y,),has_aux=True)",
    "U.jvp(lambda x:(x*2,x*3),(x,),(y,))",
    "U.jvp(lambda x:{'a':x*2},(x,),(y,))",
    "U.jacrev(sq)(x)",
    "U.jacrev(lambda x:(x*2,x*3))(x)",
    "U.jacrev(two,argnums=(0,1))(x,y)",
    "U.jacrev(lambda x,y:(x*y,x+y),argnums=(0,1))(x,y)",
    "U.jacrev(lambda x:{'a':x*2})(x)",
    "U.jacrev(lambda d:d['a']*2)({'a':x})",
    "U.jacrev(lambda x:(x*2,x),has_aux=True)(x)",
    "U.jacrev(lambda x:3)(x)",
    "U.jacrev(sq,argnums=2)(x)",
    "U.jacrev(sq)(3)",
    "U.jacrev(sq,chunk_size=1)(x)",
    "U.jacrev(sq,chunk_size=0)(x)",
    "U.jacrev(sq,chunk_size=-1)(x)",
    "U.jacrev(lambda x:x.sum(1))(k).shape",
    "U.jacfwd(sq)(x)",
    "U.jacfwd(lambda x:(x*2,x*3))(x)",
    "U.jacfwd(two,argnums=(0,1))(x,y)",
    "U.jacfwd(lambda x,y:(x*y,x+y),argnums=(0,1))(x,y)",
    "U.jacfwd(lambda x:{'a':x*2})(x)",
    "U.jacfwd(lambda d:d['a']*2)({'a':x})",
    "U.jacfwd(lambda x:(x*2,x),has_aux=True)(x)",
    "U.jacfwd(lambda x:3)(x)",
    "U.jacfwd(sq,argnums=2)(x)",
    "U.jacfwd(sq)(3)",
    "U.jacfwd(lambda x:x.sum(1))(k).shape",
    "U.jacfwd(lambda x:torch.ones(2))(x)",
    "U.hessian(cube)(x)",
    "U.hessian(two,argnums=(0,1))(x,y)",
    "U.hessian(two,argnums=1)(x,y)",
    "U.linearize(sq,x)[0]",
    "U.linearize(sq,x)[1](y)",
    "U.linearize(sq,x)[1](torch.ones(3))",
    "U.linearize(sq,x)[1](x,y)",
    "U.linearize(two,x,y)[1](x,y)",]  # fmt: skip
PROGRAMS = {call: f"{START}log({call})" for call in CALLS} | {
    "grad of grad of grad": START + "g = U.grad(U.grad(U.grad(lambda x: x ** 5)))\nlog(g(torch.tensor(2.0)))",
    "no confusion of levels": START
    + "log(U.grad(lambda a: a * U.grad(lambda b: a * b)(torch.tensor(2.0)))(torch.tensor(3.0)))\nlog(U.grad(lambda a: U.grad(lambda b: a * b)(a))(torch.tensor(3.0)))",
    "backward through grad": START + "g = U.grad(cube)(xg)\ng.sum().backward()\nlog(xg.grad)",
    "backward through a captured tensor": START
    + "w = torch.tensor([5.0, 6.0], requires_grad=True)\ng = U.grad(lambda x: (w * x ** 2).sum())(x)\nlog(g)\ng.sum().backward()\nlog(w.grad)",
    "backward through vjp": START
    + "out, pull = U.vjp(sq, xg)\nlog(out)\n(out * pull(y)[0]).sum().backward()\nlog(xg.grad)",
    "backward through jvp": START
    + "out, change = U.jvp(sq, (xg,), (y,))\nlog(out, change)\nchange.sum().backward()\nlog(xg.grad)",
    "backward through jacobians": START
    + "(U.jacrev(sq)(xg) ** 2).sum().backward()\nlog(xg.grad)\nxg.grad = None\n(U.jacfwd(sq)(xg) ** 2).sum().backward()\nlog(xg.grad)",
    "backward through hessian": START + "U.hessian(cube)(xg).sum().backward()\nlog(xg.grad)",
    "a pull used twice": START + "out, pull = U.vjp(sq, x)\nlog(pull(y), pull(x))",
    "hessian four ways": START
    + "for a in (U.jacrev, U.jacfwd):\n    for b in (U.jacrev, U.jacfwd):\n        log(a(b(cube))(x))",
    "jvp of grad": START + "log(U.jvp(U.grad(cube), (x,), (y,)))",
    "vjp of jvp": START + "log(U.vjp(lambda x: U.jvp(sq, (x,), (y,))[1], x)[1](x))",
    "the caller's gradients are left alone": START + "xg.grad = torch.ones(2)\nU.grad(cube)(xg)\nlog(xg.grad)",
    "a module's parameters": START
    + "m = torch.nn.Linear(2, 1)\np = {n: torch.full_like(v, 0.5) for n, v in m.named_parameters()}\nlog(U.grad(lambda p: U.functional_call(m, p, (x,)).sum())(p))",
    "jacrev of several outputs in a dict": START + "log(U.jacrev(lambda x: {'s': x.sum(), 'p': (x * 2, x ** 2)})(x))",
    "a Function inside": START
    + "class f(torch.autograd.Function):\n    @staticmethod\n    def forward(a):\n        return a ** 2\n    @staticmethod\n    def setup_context(ctx, inputs, output):\n        ctx.save_for_backward(*inputs)\n    @staticmethod\n    def backward(ctx, g):\n        a, = ctx.saved_tensors\n        return 2 * a * g\nlog(U.grad(lambda x: f.apply(x).sum())(x), U.hessian(lambda x: f.apply(x).sum())(x) if False else 0)",
    "names": START
    + "log(U.grad(cube).__name__, U.jacrev(sq).__name__, sorted(n for n in U.__all__ if n in ('grad', 'vmap', 'vjp', 'jvp')))",
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])
