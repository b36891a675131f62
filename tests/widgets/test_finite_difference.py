"""Finite-difference checks: what is right is found right, what is wrong is found, and who did it."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz as torch
from gradviz import nn
from gradviz.nn import functional as F
from gradviz.utils.checkpoint import checkpoint
from gradviz.widgets import BackpropStepper

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e"


def leaf(value: Any, name: str | None = None) -> Any:
    made = torch.tensor(value, requires_grad=True)
    made.name = name
    return made


def checks(source: Any) -> dict[str, Any]:
    """The checks of the nodes, by their labels."""
    view = BackpropStepper(source, check=True)
    return {view.record["nodes"][c.n]["label"]: c for c in view.checks}


class Cube(torch.autograd.Function):
    """With a rule that is wrong by a factor."""

    factor = 2

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x, x * x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, squared = ctx.saved_tensors
        return g * Cube.factor * squared + 0 * x


class RightCube(Cube):
    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 3 * ctx.saved_tensors[1]


class Both(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx: Any, gs: Any, gc: Any) -> Any:
        (x,) = ctx.saved_tensors
        return gs * x.cos() - gc * x.sin()


# -- what is right ----------------------------------------------------------------------------------------------------
def two() -> Any:
    x = leaf([0.3, 0.7])

    def run() -> Any:
        s, c = Both.apply(x)
        return (s * c + c).sum()

    return run


def cnn() -> Any:
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 4)
    )
    x = torch.randn(2, 2, 8, 8)
    return lambda: F.cross_entropy(net(x), torch.tensor([1, 3]))


def attention() -> Any:
    net, x = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.2), torch.randn(2, 4, 8)
    return lambda: net(x).pow(2).mean()


def second_order() -> Any:
    x = leaf([0.5, 1.5])

    def run() -> Any:
        (g,) = torch.autograd.grad((x.tanh() * x).sum(), x, create_graph=True)
        return (g * g).sum()

    return run


def writes() -> Any:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])

    def run() -> Any:
        y = x * 1
        y[0].mul_(10.0)
        y += 1
        return (y * y[:, 1]).sum()

    return run


def bare() -> Any:
    x, w, b = torch.randn(4, 5), leaf([[0.1, 0.2]] * 5), leaf([0.5, -0.5])
    return ((x @ w + b).tanh() * 3 - torch.randn(4, 2)).pow(2).mean()


RIGHT = {
    "own": lambda: (lambda x: lambda: (RightCube.apply(x) * x).sum())(leaf([1.0, -2.0])),
    "two results": two,
    "cnn": cnn,
    "attention with dropout": attention,
    "dropout": lambda: (lambda x: lambda: F.dropout(x @ x, 0.5).pow(2).sum())(leaf([[0.1, 0.2], [0.3, 0.4]])),
    "second order": second_order,
    "in place": writes,
    "bare loss": bare,
    "detached": lambda: (lambda x: lambda: (x.detach() * x).sum())(leaf([1.0, 2.0])),
    "complex": lambda: (lambda z: lambda: (z * z.conj()).real.sum() + (z * z).abs().sum())(leaf([1 + 2j, 0.5 - 1j])),
    "bfloat16": lambda: (
        lambda x: lambda: (x * x).sigmoid().float().sum()
    )(torch.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=torch.bfloat16, requires_grad=True)),
    "double": lambda: (lambda x: lambda: x.exp().sum())(leaf([0.5, 1.0]).double().detach().requires_grad_()),
    "indices": lambda: (
        lambda x: lambda: x[torch.tensor([0, 2, 2])].pow(3).sum() + x[x > 0].sum()
    )(leaf([1.0, -2.0, 3.0])),
    "checkpoint": lambda: (
        lambda net, x: lambda: checkpoint(net, x, use_reentrant=False).sum()
    )(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), torch.randn(3, 2)),
    "softmax that sums to one": lambda: (lambda x: lambda: x.softmax(0).sum())(leaf([0.1, 0.2, 0.7])),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_agrees(case: str) -> None:
    torch.manual_seed(0)
    view = BackpropStepper(RIGHT[case](), check=True)
    leaves = [c for c in view.checks if view.record["nodes"][c.n]["kind"] == "leaf"]
    assert leaves
    assert [c.text for c in leaves if c.kind != "ok"] == []
    # In a CNN the zeros of relu tie in max_pool: those corners are no slope's fault.
    assert [c.text for c in view.checks if c.kind != "ok" and "a corner" not in c.text] == []
    assert all(c.rows for c in leaves)


def test_a_fan_of_views_does_not_count_twice() -> None:
    x = leaf([1.0, 2.0], "x")
    (where, backward, difference), *_ = checks(lambda: (x * x + x).sum())["x"].rows
    assert (where, backward) == ("[0]", 3.0)
    assert difference == pytest.approx(3.0, rel=1e-6)


# -- what is wrong ----------------------------------------------------------------------------------------------------
def test_a_wrong_rule_is_found_on_the_leaf_and_its_function_is_named() -> None:
    x, w, other = leaf([1.0, 2.0], "x"), leaf(0.5, "w"), leaf([1.0, 1.0], "other")
    view = BackpropStepper(lambda: (Cube.apply(x * w) + other).sum(), check=True)
    nodes = view.record["nodes"]
    kinds = {nodes[c.n]["label"]: c.kind for c in view.checks}
    assert kinds["x"] == kinds["w"] == kinds["mul"] == "bad"
    assert kinds["other"] == kinds["Cube"] == "ok", "only what lies behind the fault is wrong"
    bad = next(c for c in view.checks if nodes[c.n]["label"] == "x")
    assert "your Function Cube passes on 0.5 to mul where its slope gives 0.75" in bad.text
    assert nodes[bad.culprit]["label"] == "Cube"
    assert [row[1:] for row in bad.rows] == [(0.25, pytest.approx(0.375)), (1.0, pytest.approx(1.5))]
    badges = {n["title"]: n["badge"]["kind"] for n in view.marked(view.scenes[0])["nodes"] if "badge" in n}
    assert badges["Cube"] == badges["x"] == "bad"
    assert badges["other"] == "ok"
    assert view.data()["extra"]["checks"]["list"][0]["culprit"] == bad.culprit


def test_a_tape_that_went_backward_is_checked_too() -> None:
    x = leaf([1.0, 2.0], "x")
    with torch.record() as tape:
        Cube.apply(x).sum().backward()
    assert checks(tape)["x"].kind == "bad"


def test_a_large_tensor_is_checked_along_random_signs_and_at_two_elements() -> None:
    torch.manual_seed(0)
    x = torch.randn(20, 10, requires_grad=True)
    found = checks(lambda: Cube.apply(x).sum())["x"]
    assert found.kind == "bad"
    assert found.rows[0][0] == "along random signs, all 200 elements"
    assert len(found.rows) == 3
    assert "Cube" in found.text


# -- what cannot be told ----------------------------------------------------------------------------------------------
def unsure() -> dict[str, tuple[Any, str]]:
    x, y = leaf([0.0, 2.0], "x"), leaf([1.0, 1.0, 0.0], "x")
    w = leaf(3.0, "x")
    z = leaf(2.0, "x")
    z.register_hook(lambda g: g * 10)

    def middle() -> Any:
        h = w * 2
        h.register_hook(lambda g: g * 5)
        return h * h

    def late() -> Any:
        h = w * 2
        h.grad_fn.register_hook(lambda given, _: (given[0] * 5, *given[1:]))
        return h * 3

    return {
        "relu at 0": (
            lambda: x.relu().sum(),
            "a corner, with slope 0 on one side and 1 on the other; backward takes 0",
        ),
        "a tie": (lambda: y.max(), "a corner"),
        "a jump": (lambda: w.floor() * w, "the function jumps here"),
        "an edge": (lambda: x.sqrt().sum(), "the gradient is inf"),
        "a hook": (middle, "a hook changed the gradient on its way (that of"),
        "a hook on a node": (late, "a hook changed the gradient on its way"),
        "a Function from its graph": ((RightCube.apply(x) * 2).sum(), "a graph does not keep all it was called with"),
    }


@pytest.mark.parametrize("case", unsure())
def test_it_says_why_it_cannot_tell(case: str) -> None:
    source, why = unsure()[case]
    found = checks(source)
    name = next(iter(found))
    assert found[name].kind == "unsure", found[name].text
    assert why in found[name].text
    assert "cannot tell, " in found[name].text


def test_after_an_optimizer_step_the_recorded_leaves_are_not_what_they_were() -> None:
    w = leaf(1.0, "w")
    opt = torch.optim.SGD([w], lr=0.1)
    with torch.record() as tape:
        for _ in range(2):
            opt.zero_grad()
            (w * w).backward()
            opt.step()
    assert "an optimizer has moved the leaves" in checks(tape)["w"].text


# -- manners ----------------------------------------------------------------------------------------------------------
def test_nothing_of_the_learners_is_changed() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    x = torch.randn(5, 3)
    loss = net(x).pow(2).sum()
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    rng, mode = torch.get_rng_state().numpy().copy(), net.training
    with torch.record() as tape:
        BackpropStepper(loss)
        heard = len(tape.steps)
        view = BackpropStepper(loss, check=True)
    assert len(tape.steps) == 2 * heard, "an outer tape hears no more than without the checks"
    assert view.checks
    assert all((v.numpy() == before[k]).all() for k, v in net.state_dict().items())
    assert (torch.get_rng_state().numpy() == rng).all()
    assert net.training == mode
    assert all(p.grad is None for p in net.parameters())
    loss.backward()
    assert all(p.grad is not None for p in net.parameters())


def test_what_is_shown_is_the_engines_gradient() -> None:
    torch.manual_seed(1)
    net, x = nn.Linear(3, 2), torch.randn(4, 3)
    view = BackpropStepper(lambda: net(x).tanh().sum(), check=True)
    net(x).tanh().sum().backward()
    bias = next(c for c in view.checks if view.record["nodes"][c.n]["label"].endswith("bias"))
    assert [a for _, a, _ in bias.rows] == [float(g) for g in net.bias.grad]


def test_the_same_each_time_and_within_its_budget() -> None:
    def build() -> Any:
        torch.manual_seed(0)
        return BackpropStepper(cnn(), check=True)

    first = build()
    assert first.to_html() == build().to_html()
    assert repr(first) == repr(build())
    assert len(first.to_html()) <= 120_000
    assert "finite differences: " in first.to_text()


def test_without_the_option_there_is_no_button() -> None:
    x = leaf(2.0)
    assert "checks" not in BackpropStepper(lambda: x * x).parts()
    assert "checks" in BackpropStepper(lambda: x * x, check=True).parts()


def test_hostile_names() -> None:
    x = leaf([1.0, 2.0], HOSTILE + "x" * 10_000)
    view = BackpropStepper(lambda: Cube.apply(x).sum(), check=True)
    assert view.checks[0].kind == "bad"
    assert all(len(c.text) < 500 for c in view.checks)
    assert "<script>" not in view.to_svg()
