"""`torch.autograd.Function`: its ctx, its outputs and its modes, as PyTorch has them."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave, function

X = "x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"
SQUARE = ("ctx.save_for_backward(args[0])\nreturn args[0] ** 2", "x, = ctx.saved_tensors\nreturn gs[0] * 2 * x")
ONCE = "    @torch.autograd.function.once_differentiable\n"

# fmt: off
PROGRAMS = {
    "square": function(*SQUARE, X + "y = f.apply(x)\nlog(y, y.grad_fn.name(), type(y.grad_fn).__name__)\ny.sum().backward()\nlog(x.grad)"),
    "twice": function(*SQUARE, X + "g, = torch.autograd.grad(f.apply(x).sum(), x, create_graph=True)\nlog(g)\nlog(torch.autograd.grad(g.sum(), x))"),
    "saved freed": function(*SQUARE, X + "y = f.apply(x).sum()\ny.backward()\ny.backward()"),
    "saved freed, read": function(*SQUARE, X + "y = f.apply(x)\ny.sum().backward()\ny.grad_fn.saved_tensors"),
    "saved read": function(*SQUARE, X + "y = f.apply(x)\nlog(y.grad_fn.saved_tensors)\nlog(y.grad_fn.needs_input_grad)" ),
    "saved read in forward": function("ctx.save_for_backward(args[0])\nlog(ctx.saved_tensors)\nreturn args[0] * 2", "return gs[0]", X + "f.apply(x)" ),
    "saved output": function("out = args[0].exp()\nctx.save_for_backward(out)\nreturn out", "out, = ctx.saved_tensors\nlog(out)\nreturn gs[0] * out", X + "g, = torch.autograd.grad(f.apply(x).sum(), x, create_graph=True)\nlog(torch.autograd.grad(g.sum(), x))"),
    "saved intermediate": function("t = args[0] * 3\nctx.save_for_backward(t)\nreturn t * t", "t, = ctx.saved_tensors\nlog(t)\nreturn gs[0] * 6 * t", X + "f.apply(x).sum().backward()\nlog(x.grad)"),
    "saved None": function("ctx.save_for_backward(None, args[0])\nreturn args[0] * 2", "log(ctx.saved_tensors)\nreturn gs[0] * 2", X + "f.apply(x).sum().backward()"),
    "saved a number": function("ctx.save_for_backward(3)\nreturn args[0] * 2", "return gs[0] * 2", X + "f.apply(x)"),
    "saved twice": function("ctx.save_for_backward(args[0])\nctx.save_for_backward(args[0], args[0])\nreturn args[0] * 2", "log(len(ctx.saved_tensors))\nreturn gs[0] * 2", X + "f.apply(x).sum().backward()"),
    "saved and overwritten": function(*SQUARE, X + "h = x * 1\ny = f.apply(h)\nh.add_(1)\ny.sum().backward()"),
    "saved output and overwritten": function("out = args[0].exp()\nctx.save_for_backward(out)\nreturn out", "out, = ctx.saved_tensors\nreturn gs[0] * out", X + "y = f.apply(x)\ny.add_(1)\ny.sum().backward()"),
    "attributes": function("ctx.k = args[1]\nctx.note = 'n'\nreturn args[0] * args[1]", "log(ctx.k, ctx.note)\nreturn gs[0] * ctx.k, None", X + "f.apply(x, 3).sum().backward()\nlog(x.grad)"),
    "needs_input_grad": function("log(ctx.needs_input_grad)\nreturn args[0] * 2", "log(ctx.needs_input_grad)\nreturn gs[0] * 2, None, None", X + "f.apply(x, torch.ones(3), 3).sum().backward()"),
    "several outputs": function("return args[0] * 2, args[0] * 3", "log(gs)\nreturn gs[0] * 2 + gs[1] * 3", X + "a, b = f.apply(x)\nlog(a.grad_fn is b.grad_fn, a.output_nr, b.output_nr)\nb.sum().backward()\nlog(x.grad)"),
    "undefined gradients": function("ctx.set_materialize_grads(False)\nreturn args[0] * 2, args[0] * 3", "log(gs)\nreturn gs[1] * 3", X + "a, b = f.apply(x)\nb.sum().backward()\nlog(x.grad)"),
    "outputs that are no tensors": function("return args[0] * 2, 'text', None, 7", "log(gs)\nreturn gs[0] * 2", X + "out = f.apply(x)\nlog(out)\nout[0].sum().backward()\nlog(x.grad)"),
    "a list of outputs": function("return [args[0] * 2]", "return gs[0]", X + "log(f.apply(x))"),
    "one output in a tuple": function("return (args[0] * 2,)", "log(gs)\nreturn gs[0] * 2", X + "out = f.apply(x)\nlog(out)\nout[0].sum().backward()\nlog(x.grad)"),
    "no tensor": function("return 3", "return gs[0]", X + "log(f.apply(x))"),
    "None": function("return None", "return gs[0]", X + "log(f.apply(x))"),
    "integer output": function("return args[0] * 2, (args[0] > 1).long()", "log(gs)\nreturn gs[0] * 2", X + "a, b = f.apply(x)\nlog(a, b)\na.sum().backward()\nlog(x.grad)"),
    "non differentiable": function("b = args[0] * 3\nctx.mark_non_differentiable(b)\nreturn args[0] * 2, b", "log(gs)\nreturn gs[0] * 2", X + "a, b = f.apply(x)\nlog(a, b, b.grad_fn)\na.sum().backward()\nlog(x.grad)"),
    "non differentiable, a number": function("ctx.mark_non_differentiable(3)\nreturn args[0] * 2", "return gs[0]", X + "f.apply(x)" ),
    "returns its input": function("return args[0]", "log(gs)\nreturn gs[0] * 5", X + "y = f.apply(x)\nlog(y is x, y, y.grad_fn.name())\ny.sum().backward()\nlog(x.grad)"),
    "returns its input, no grad": function("return args[0]", "return gs[0]", "x = torch.ones(2)\ny = f.apply(x)\nlog(y is x, y.requires_grad)" ),
    "returns a view": function("return args[0].view(3, 1)", "return gs[0].view(3)", X + "y = f.apply(x)\nlog(y, y._is_view())\ny.sum().backward()\nlog(x.grad)"),
    "in place, dirty": function("ctx.mark_dirty(args[0])\nreturn args[0].mul_(2)", "return gs[0] * 2", X + "h = x * 1\ny = f.apply(h)\nlog(y is h, y, h.grad_fn.name(), h._version)\n(h * h).sum().backward()\nlog(x.grad)"),
    "in place on a leaf": function("ctx.mark_dirty(args[0])\nreturn args[0].mul_(2)", "return gs[0] * 2", X + "f.apply(x)" ),
    "dirty but not returned": function("ctx.mark_dirty(args[0])\nreturn args[0] * 2", "return gs[0] * 2", X + "log(f.apply(x * 1))" ),
    "dirty, a number": function("ctx.mark_dirty(3)\nreturn args[0] * 2", "return gs[0]", X + "f.apply(x)"),
    "in place, hidden": function("args[0].mul_(2)\nreturn args[0] + 1", "return gs[0]", X + "h = x * 1\nlog(f.apply(h), h._version)" ),
    "no grad inside": function("log(torch.is_grad_enabled())\nreturn args[0] * 2", "log(torch.is_grad_enabled())\nreturn gs[0]", X + "f.apply(x).sum().backward()\nf.apply(x).sum().backward(create_graph=True)"),
    "under no_grad": function(*SQUARE, X + "with torch.no_grad():\n    y = f.apply(x)\nlog(y, y.grad_fn)"),
    "nested": function("with torch.enable_grad():\n    ctx.x = args[0].detach().requires_grad_()\n    ctx.out = ctx.x.exp()\nreturn ctx.out.detach()", "return torch.autograd.grad(ctx.out, ctx.x, gs[0])[0]", X + "f.apply(x).sum().backward()\nlog(x.grad)"),
    "a Function in a Function": function("return args[0] * 2", "return f2.apply(gs[0])", "class f2(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        return a * 10\n    @staticmethod\n    def backward(ctx, g):\n        return g * 100\n" + X + "w = torch.ones(3, requires_grad=True)\ng, = torch.autograd.grad(f.apply(x), x, w, create_graph=True)\nlog(g)\nlog(torch.autograd.grad(g.sum(), w))"),
    "once differentiable": function(*SQUARE, X + "g, = torch.autograd.grad(f.apply(x).sum(), x, create_graph=True)\nlog(g)\ng.sum().backward()", ONCE),
    "once differentiable, once": function(*SQUARE, X + "f.apply(x).sum().backward()\nlog(x.grad)", ONCE),
}
# fmt: on


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])
