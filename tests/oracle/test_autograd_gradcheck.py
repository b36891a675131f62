"""`gradcheck` and `gradgradcheck`: every argument and every message."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

START = """
gc, gg, D = torch.autograd.gradcheck, torch.autograd.gradgradcheck, torch.float64
x = torch.tensor([1.0, 2.0], dtype=D, requires_grad=True)
y = torch.tensor([3.0, 4.0], dtype=D, requires_grad=True)
xf = x.detach().float().requires_grad_()
z = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128, requires_grad=True)
def made(back, forward=lambda ctx, a: a * 2):
    class f(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.save_for_backward(a)
            ctx.set_materialize_grads(False)
            return forward(ctx, a)
        @staticmethod
        def backward(ctx, *gs):
            return back(ctx, *gs)
    return f.apply
bad, badz = made(lambda ctx, g: None if g is None else g * 3), made(lambda ctx, g: None if g is None else g * 2j)
nondet = made(lambda ctx, g: None if g is None else g * (2 + 1e-7 * torch.rand(2, dtype=D)))
undef = made(lambda ctx, g, h: g * 2 + h * 3, lambda ctx, a: (a * 2, a * 3))
ones = made(lambda ctx, g: torch.ones(2, dtype=D) * 2 if g is None else g * 2)
lower = made(lambda ctx, g: None if g is None else (g * 2).float())
forgets = made(lambda ctx, g: None if g is None else 1 / ctx.saved_tensors[0].detach(), lambda ctx, a: a.log())
square = made(lambda ctx, g: None if g is None else g * 2 * ctx.saved_tensors[0].detach(), lambda ctx, a: a ** 2)
"""
CALLS = """
gc(torch.sin,x)
gc(torch.sin,(x,))
gc(torch.sin,[x])
gc(lambda a,b:(a*b,a+b),(x,y))
gc(torch.sin,xf)
gc(torch.sin,xf,eps=1e-3,atol=1e-2)
gc(torch.sin,x.detach())
gc(bad,x)
gc(bad,x,raise_exception=False)
gc(lambda a:forgets(a).sum(),x)
gc(lambda a:forgets(a).sum(),x,raise_exception=False)
gc(lambda a:forgets(a).sum(),x,check_undefined_grad=False)
gc(lambda a:(5*forgets(a)).sum(),x)
gc(lambda a:forgets(a),x)
gc(bad,x,fast_mode=True)
gc(torch.sin,x,fast_mode=True)
gc(lambda a:a*z,(x,))
gc(lambda a:a*a,z)
gc(lambda a:a.abs(),z)
gc(badz,z)
gc(lambda a:torch.view_as_real(a),z)
gc(lambda a:a.sum()>0,x)
gc(lambda a:a.detach(),x)
gc(lambda a:3,x)
gc(lambda a:(a*2,3),x)
gc(lambda a,k:a*k,(x,3))
gc(torch.sin,x,check_batched_grad=True)
gc(torch.sin,x,check_backward_ad=False)
gc(torch.sin,x,check_batched_forward_grad=True)
gc(torch.sin,x,check_grad_dtypes=True)
gc(lower,x,check_grad_dtypes=True)
gc(nondet,x)
gc(nondet,x,nondet_tol=1e-5)
gc(undef,x)
gc(undef,x,check_undefined_grad=False)
gc(ones,x)
gc(ones,x,check_undefined_grad=False)
gc(torch.sin,x,masked=True)
gc(torch.sin,x,masked=False)
gc(torch.sin,(x.expand(3,2),))
gc(lambda a:a*2,(torch.ones(1,dtype=D,requires_grad=True).expand(3),))
gc(lambda a:a.clone().mul_(2),x)
gc(torch.sin,3)
gc(torch.sin,())
gc(lambda a,b:a*2,(x,y))
gc(lambda a:a.float(),x)
gc(lambda a: a.expand(3,2),x)
gc(torch.sin,torch.ones(0,dtype=D,requires_grad=True))
gc(lambda a:a.abs(),torch.zeros(1,dtype=D,requires_grad=True))
gg(torch.sin,x)
gg(torch.sin,(x,))
gg(lambda a,b:(a*b,a+b),(x,y))
gg(torch.sin,x,torch.ones(2,dtype=D,requires_grad=True))
gg(torch.sin,x,torch.ones(2,dtype=D))
gg(square,x)
gc(square,x)
gg(bad,x)
gg(lambda a:a*a,z)
gg(torch.sin,xf)
gg(torch.sin,x,gen_non_contig_grad_outputs=True)
gg(torch.sin,x,check_rev_over_rev=False)
gc(torch.sin,x,check_forward_ad=True)
gc(torch.sin,x,check_forward_ad=True,check_backward_ad=False)
gc(lambda a,b:(a*b,a.sum()+b),(x,y),check_forward_ad=True,check_batched_forward_grad=True)
gg(torch.sin,x,check_fwd_over_rev=True)
gg(torch.sin,x,check_fwd_over_rev=True,check_rev_over_rev=False)
gg(torch.sin,x,check_fwd_over_rev=True,check_rev_over_rev=False,check_undefined_grad=False)
gg(torch.sin,x,check_fwd_over_rev=True,check_rev_over_rev=False,check_undefined_grad=False,check_batched_grad=True)
gg(torch.sin,x,fast_mode=True)
gg(torch.sin,x,check_batched_grad=True)
gg(torch.sin,x,check_undefined_grad=False)
gg(torch.sin,x,check_grad_dtypes=True)
gg(lambda a:a*2,x)
gg(square,x,raise_exception=False)
gg(lambda a:(a*a).sum(),x)
gg(lambda a:a.abs(),z)
""".strip().split("\n")
PROGRAMS = {call: f"{START}log({call})" for call in CALLS} | {
    "the input is as it was": START
    + "before = x.detach().clone()\ngc(torch.sin, x)\nlog(bool((x == before).all()), x.grad)",
    "a function that knows its input": START + "log(gc(lambda _: x * x, x))",
    "a module's parameters": "m = torch.nn.Linear(2, 2).double()\nlog(torch.autograd.gradcheck(lambda *p: m(torch.ones(1, 2, dtype=torch.float64)), tuple(m.parameters())))",
    "a layer": "m = torch.nn.Linear(2, 2).double()\nlog(torch.autograd.gradcheck(m, torch.ones(3, 2, dtype=torch.float64, requires_grad=True)), torch.autograd.gradgradcheck(m, torch.ones(3, 2, dtype=torch.float64, requires_grad=True)))",
    "the kind of error": "log(torch.autograd.gradcheck.__name__, torch.autograd.GradcheckError.__name__ if hasattr(torch.autograd, 'GradcheckError') else 'GradcheckError')",
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])
