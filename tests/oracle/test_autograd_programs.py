"""Longer programs that lean on the whole of autograd: training inside training, second gradients, transforms of networks."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

NET = """
import math
torch.manual_seed(0)
class Net(torch.nn.Module):
    def __init__(self, a=3, b=5, c=2):
        super().__init__()
        self.one, self.two = torch.nn.Linear(a, b), torch.nn.Linear(b, c)
    def forward(self, x):
        return self.two(torch.tanh(self.one(x)))
net = Net()
data, targets = torch.randn(6, 3), torch.tensor([0, 1, 1, 0, 1, 0])
"""
PROGRAMS = {
    "learning to learn": NET
    + """
        net = Net(1, 8, 1)
        params = dict(net.named_parameters())
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        def loss(p, x, y):
            return ((torch.func.functional_call(net, p, (x,)) - y) ** 2).mean()
        for step in range(5):
            total = 0
            for k in range(3):
                x = torch.linspace(-1, 1, 10)[:, None]
                y = (k + 1) * torch.sin(x * (k + 1))
                grads = torch.func.grad(loss)(params, x, y)
                fast = {n: p - 0.1 * grads[n] for n, p in params.items()}
                total = total + loss(fast, x.flip(0), y.flip(0))
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            log(total)
        """,
    "learning to learn, by autograd.grad": NET
    + """
        for step in range(3):
            weights = [p for p in net.parameters()]
            loss = F.cross_entropy(net(data), targets)
            grads = torch.autograd.grad(loss, weights, create_graph=True)
            norm = sum((g ** 2).sum() for g in grads)
            for p in weights:
                p.grad = None
            (loss + 0.5 * norm).backward()
            with torch.no_grad():
                for p in weights:
                    p -= 0.1 * p.grad
            log(loss, norm)
        """,
    "a penalty on the gradient of the input": NET
    + """
        x = data.clone().requires_grad_()
        out = net(x)
        g, = torch.autograd.grad(out, x, torch.ones_like(out), create_graph=True)
        penalty = ((g.norm(2, dim=1) - 1) ** 2).mean()
        penalty.backward()
        log(penalty, [p.grad for p in net.parameters()])
        """,
    "a tangent kernel": NET
    + """
        params = {k: v.detach() for k, v in net.named_parameters()}
        def single(p, x):
            return torch.func.functional_call(net, p, (x.unsqueeze(0),)).squeeze(0)
        def kernel(a, b):
            ja = torch.vmap(torch.func.jacrev(single), (None, 0))(params, a)
            jb = torch.vmap(torch.func.jacrev(single), (None, 0))(params, b)
            return sum(torch.einsum("Naf,Mbf->NMab", u.flatten(2), v.flatten(2)) for u, v in zip(ja.values(), jb.values()))
        log(kernel(data[:3], data[3:5]))
        """,
    "Newton's method": """
        x = torch.tensor([1.0, -0.5], dtype=torch.float64)
        f = lambda x: (x ** 4).sum() + (x[0] * x[1] - 1) ** 2
        for _ in range(5):
            x = x - torch.linalg.solve(torch.func.hessian(f)(x), torch.func.grad(f)(x))
            log(x)
        log(torch.autograd.functional.hvp(f, x, torch.ones(2, dtype=torch.float64)))
        """,
    "a straight-through estimator": """
        class Round(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x.round()
            @staticmethod
            def backward(ctx, g):
                return g
        x = torch.tensor([0.3, 1.7, -2.2], requires_grad=True)
        for _ in range(4):
            loss = ((Round.apply(x) - torch.tensor([2.0, 2.0, 2.0])) ** 2).sum()
            x.grad = None
            loss.backward()
            with torch.no_grad():
                x -= 0.2 * x.grad
            log(loss, x)
        """,
    "a gradient turned round": NET
    + """
        class Reverse(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, k):
                ctx.k = k
                return x.view_as(x)
            @staticmethod
            def backward(ctx, g):
                return -ctx.k * g, None
        hidden = torch.tanh(net.one(data))
        loss = F.cross_entropy(net.two(hidden), targets) + F.cross_entropy(net.two(Reverse.apply(hidden, 0.5)), 1 - targets)
        loss.backward()
        log(loss, [p.grad for p in net.parameters()])
        """,
    "gradients clipped and listened to": NET
    + """
        seen = {}
        for name, p in net.named_parameters():
            p.register_hook(lambda g, name=name: seen.__setitem__(name, g.norm().item()) or g.clamp(-0.01, 0.01))
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(data), targets)
            loss.backward()
            optimizer.step()
            log(loss, dict(seen))
        """,
    "an optimizer inside backward": NET
    + """
        optimizers = {p: torch.optim.SGD([p], lr=0.5) for p in net.parameters()}
        def step(p):
            optimizers[p].step()
            optimizers[p].zero_grad()
        for p in net.parameters():
            p.register_post_accumulate_grad_hook(step)
        for _ in range(4):
            loss = F.cross_entropy(net(data), targets)
            loss.backward()
            log(loss)
        log([p.grad for p in net.parameters()])
        """,
    "checkpoints in training": NET
    + """
        for reentrant in (False, True):
            torch.manual_seed(1)
            net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.3), torch.nn.ReLU(), torch.nn.Linear(4, 2))
            with torch.no_grad():
                for p in net.parameters():
                    p.fill_(0.2)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
            for _ in range(3):
                optimizer.zero_grad()
                x = data.clone().requires_grad_()
                out = torch.utils.checkpoint.checkpoint(net, x, use_reentrant=reentrant)
                loss = F.cross_entropy(out, targets)
                loss.backward()
                optimizer.step()
                log(loss)
        """,
    "through a fixed point": """
        w = torch.tensor([[0.3, 0.1], [0.0, 0.2]], requires_grad=True)
        x = torch.tensor([1.0, 2.0])
        with torch.no_grad():
            z = torch.zeros(2)
            for _ in range(50):
                z = torch.tanh(w @ z + x)
        z = torch.tanh(w @ z + x)
        z0 = z.detach().requires_grad_()
        f0 = torch.tanh(w @ z0 + x)
        def solve(g):
            out = g
            for _ in range(50):
                out = torch.autograd.grad(f0, z0, out, retain_graph=True)[0] + g
            return out
        z.register_hook(solve)
        z.sum().backward()
        log(z, w.grad)
        """,
    "a recurrent loop, twice differentiated": """
        w = torch.tensor([[0.5, -0.2], [0.3, 0.1]], requires_grad=True, dtype=torch.float64)
        h = torch.ones(2, dtype=torch.float64)
        for _ in range(6):
            h = torch.tanh(w @ h)
        g, = torch.autograd.grad(h.sum(), w, create_graph=True)
        log(g)
        log(torch.autograd.grad((g ** 2).sum(), w))
        """,
    "influence of samples": NET
    + """
        params = {k: v.detach() for k, v in net.named_parameters()}
        def loss(p, x, t):
            return F.cross_entropy(torch.func.functional_call(net, p, (x[None],)), t[None])
        grads = torch.vmap(torch.func.grad(loss), (None, 0, 0))(params, data, targets)
        flat = torch.cat([g.flatten(1) for g in grads.values()], 1)
        log(flat @ flat.T)
        """,
    "the Laplacian": """
        f = lambda x: torch.sin(x).prod()
        points = torch.tensor([[0.5, 1.0], [1.5, -0.3]])
        log(torch.vmap(lambda x: torch.func.hessian(f)(x).diagonal().sum())(points))
        """,
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    setup, program = (NET, PROGRAMS[name].removeprefix(NET)) if PROGRAMS[name].startswith(NET) else ("", PROGRAMS[name])
    behave(setup + _dedented(program), rtol=2e-4)


def _dedented(program: str) -> str:
    import textwrap

    return textwrap.dedent(program)
