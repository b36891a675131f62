"""`torch.autograd.Function`: what backward may return, and other ways to write one."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave, function

X = "x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"
Y = "y = torch.tensor([4.0, 5.0, 6.0], requires_grad=True)\n"
SQUARE = ("ctx.save_for_backward(args[0])\nreturn args[0] ** 2", "x, = ctx.saved_tensors\nreturn gs[0] * 2 * x")

# fmt: off
PROGRAMS = {
    "in lower precision": function("return args[0].double()", "return gs[0]", X + "f.apply(x).sum().backward()\nlog(x.grad)" ),
    "a broadcast gradient": function("return args[0] * 2", "return torch.ones(2, 3)", X + "f.apply(x).sum().backward()\nlog(x.grad)" ),
    "a scalar gradient": function("return args[0] * 2", "return torch.tensor(2.0)", X + "f.apply(x).sum().backward()\nlog(x.grad)" ),
    "a wrong gradient": function("return args[0] * 2", "return torch.ones(4)", X + "f.apply(x).sum().backward()"),
    "a gradient of another dtype": function("return args[0] * 2", "return gs[0].double()", X + "f.apply(x).sum().backward()\nlog(x.grad)" ),
    "too many gradients": function("return args[0] * 2", "return gs[0], gs[0]", X + "f.apply(x).sum().backward()"),
    "too many, None": function("return args[0] * 2", "return gs[0], None, None", X + "f.apply(x).sum().backward()\nlog(x.grad)" ),
    "too few gradients": function("return args[0] * args[1]", "return gs[0]", X + Y + "f.apply(x, y).sum().backward()"),
    "a list of gradients": function("return args[0] * args[1]", "return [gs[0], gs[0]]", X + Y + "f.apply(x, y).sum().backward()\nlog(x.grad)" ),
    "a number as gradient": function("return args[0] * 2", "return 2.0", X + "f.apply(x).sum().backward()"),
    "None as gradient": function("return args[0] * 2", "return None", X + "f.apply(x).sum().backward()\nlog(x.grad)"),
    "None as gradient, grad": function("return args[0] * 2", "return None", X + "log(torch.autograd.grad(f.apply(x).sum(), x, allow_unused=True))" ),
    "a gradient for a constant": function("return args[0] * args[1]", "return gs[0], gs[0]", X + "f.apply(x, torch.ones(3)).sum().backward()\nlog(x.grad)" ),
    "a gradient for a number": function("return args[0] * args[1]", "return gs[0], gs[0]", X + "f.apply(x, 3).sum().backward()\nlog(x.grad)" ),
    "an error in backward": function("return args[0] * 2", "raise KeyError('k')", X + "f.apply(x).sum().backward()"),
    "no backward": "class f(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        return a * 2\n" + X + "f.apply(x).sum().backward()",
    "no forward": "class f(torch.autograd.Function):\n    pass\n" + X + "f.apply(x)",
    "vjp": "class f(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        return a * 2\n    @staticmethod\n    def vjp(ctx, g):\n        return g * 7\n" + X + "f.apply(x).sum().backward()\nlog(x.grad)",
    "vjp and backward": "class f(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        return a * 2\n    @staticmethod\n    def vjp(ctx, g):\n        return g * 7\n    @staticmethod\n    def backward(ctx, g):\n        return g\n" + X + "f.apply(x).sum().backward()\nlog(x.grad)",
    "an instance": function(*SQUARE, X + "f()(x)"),
    "setup_context": """
        class f(torch.autograd.Function):
            @staticmethod
            def forward(a, b, n):
                return a * b * n, a + b
            @staticmethod
            def setup_context(ctx, inputs, output):
                a, b, n = inputs
                log(inputs, output)
                ctx.n = n
                ctx.save_for_backward(a, b)
            @staticmethod
            def backward(ctx, g, h):
                a, b = ctx.saved_tensors
                return g * b * ctx.n + h, g * a * ctx.n + h, None
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = torch.tensor([4.0, 5.0, 6.0], requires_grad=True)
        a, b = f.apply(x, y, 2)
        gs = torch.autograd.grad((a * b).sum(), (x, y), create_graph=True)
        log(gs)
        log(torch.autograd.grad(gs[0].sum(), (x, y)))
        """,
    "inplace function": "class f(torch.autograd.function.InplaceFunction):\n    @staticmethod\n    def forward(ctx, a):\n        return a * 2\n    @staticmethod\n    def backward(ctx, g):\n        return g\n" + X + "f.apply(x).sum().backward()\nlog(x.grad)",
    "metadata": function(*SQUARE, X + "y = f.apply(x)\ny.grad_fn.metadata['k'] = 3\nlog(y.grad_fn.metadata)\nlog(y.grad_fn.next_functions[0][0].name())"),
    "module path": function(*SQUARE, X + "log(f.apply(x).grad_fn.name(), isinstance(f.apply(x).grad_fn, torch.autograd.graph.Node))" ),
    "an unknown keyword": function(*SQUARE, X + "f.apply(x, k=3)"),
    "keywords": "class f(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a, k=1, n=2):\n        log(k, ctx.needs_input_grad)\n        return a * k\n    @staticmethod\n    def backward(ctx, g):\n        return g, None, None\n" + X + "f.apply(x, n=3).sum().backward()",
    "saved for forward": function("ctx.save_for_forward(args[0])\nreturn args[0] * 2", "return gs[0] * 2", X + "f.apply(x).sum().backward()\nlog(x.grad)"),
    "saved for forward, a number": function("ctx.save_for_forward(3)\nreturn args[0] * 2", "return gs[0] * 2", X + "f.apply(x)" ),
    "jvp": "torch.autograd.Function.jvp(None, torch.ones(2))",
    "vmap": "torch.autograd.Function.vmap(None, 0, torch.ones(2))",
    "keyword arguments": function(*SQUARE, X + "f.apply(x, k=3)"),
    "unknown input mutated by a view": function("ctx.mark_dirty(args[0])\nreturn args[0].mul_(2)", "return gs[0] * 2", X + "h = x * 1\nv = h[:2]\nf.apply(v)\nlog(h)\n(h * h).sum().backward()\nlog(x.grad)"),
    "below one that returns None": function("return args[0] * 2", "log('ran', gs)\nreturn gs[0] * 2", "class g(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        return a * 3\n    @staticmethod\n    def backward(ctx, d):\n        return None\n" + X + "g.apply(f.apply(x)).sum().backward()\nlog(x.grad)"),
    "below one that returns None, not materialised": function("ctx.set_materialize_grads(False)\nreturn args[0] * 2", "log('ran', gs)\nreturn None", "class g(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        return a * 3\n    @staticmethod\n    def backward(ctx, d):\n        return None\n" + X + "g.apply(f.apply(x) * 2).sum().backward()\nlog(x.grad)"),
    "reentrant": function("ctx.save_for_backward(args[0])\nreturn args[0] ** 2", "a, = ctx.saved_tensors\nwith torch.enable_grad():\n    b = a.detach().requires_grad_()\n    (b ** 2).sum().backward()\nreturn gs[0] * b.grad", X + "f.apply(f.apply(x)).sum().backward()\nlog(x.grad)"),
    "a custom attribute of the node": function("ctx.kind = 'k'\nreturn args[0] * 2", "return gs[0]", X + "log(f.apply(x).grad_fn.kind)" ),
    "saved a view of the input": function("ctx.save_for_backward(args[0][:2])\nreturn args[0] * 2", "v, = ctx.saved_tensors\nlog(v.detach())\nreturn gs[0] * 2", X + "f.apply(x).sum().backward()"),
    "two outputs, one of them the input": function("return args[0], args[0] * 2", "log(gs)\nreturn gs[0] + gs[1] * 2", X + "a, b = f.apply(x)\n(a * b).sum().backward()\nlog(x.grad)"),
    "complex": function("ctx.save_for_backward(args[0])\nreturn args[0] * args[0]", "z, = ctx.saved_tensors\nreturn gs[0] * 2 * z.conj()", "z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)\nf.apply(z).abs().sum().backward()\nlog(z.grad)"),
    "a complex gradient of a real input": function("return args[0] * (1 + 2j)", "return gs[0] * (1 - 2j)", X + "f.apply(x).abs().sum().backward()\nlog(x.grad)" ),
}
# fmt: on


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])
