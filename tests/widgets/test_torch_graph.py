"""Graphs of real PyTorch: the same picture as gradviz's own of the same program, nothing changed."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import gradviz
from gradviz.widgets import BackpropStepper, GraphView
from gradviz.widgets.graph.source import recorded
from tests.growth import growth

torch = pytest.importorskip("torch")


def leaf(t: Any, *shape: int) -> Any:
    count = 1
    for n in shape:
        count *= n
    values = [((7 * i + 3) % 11 - 4.5) / 5 for i in range(count)]
    return t.tensor(values).reshape(shape).clone().requires_grad_()


def two(t: Any, *shapes: tuple[int, ...]) -> list[Any]:
    return [leaf(t, *shape) for shape in shapes]


def inplace(t: Any) -> Any:
    w = leaf(t, 3)
    y = w * 2
    y.mul_(3)
    return y.sum()


def view_written(t: Any) -> Any:
    w = leaf(t, 2, 3)
    y = w * 1
    y[0].mul_(2)
    return (y * y).sum()


def fan_out(t: Any) -> Any:
    w = leaf(t, 3)
    y = w * w
    return (y * y + y + w).sum()


def shared_many(t: Any) -> Any:
    w, x = two(t, (3,), (3,))
    total = x
    for _ in range(5):
        total = (total * w).sin()
    return total.sum()


def detached(t: Any) -> Any:
    w = leaf(t, 3)
    y = w * 2
    return (y.detach() * y).sum()


def no_grad_part(t: Any) -> Any:
    w = leaf(t, 3)
    with t.no_grad():
        scale = w * 2
    return (w * scale).sum()


def split(t: Any) -> Any:
    a, b = t.split(leaf(t, 4), 2)
    return (a * b).sum()


def unbind(t: Any) -> Any:
    a, b = leaf(t, 2, 3).unbind(0)
    return (a * b).sum()


def classes(t: Any) -> Any:
    return t.nn.functional.cross_entropy(leaf(t, 3, 4), t.tensor([0, 3, 1]))


def linear(t: Any) -> Any:
    x, w, b = two(t, (2, 3), (4, 3), (4,))
    return t.nn.functional.linear(x, w, b).relu().sum()


def conv(t: Any) -> Any:
    x, w, b = two(t, (1, 2, 4, 4), (3, 2, 3, 3), (3,))
    return t.nn.functional.conv2d(x, w, b).relu().mean()


def double(t: Any) -> Any:
    w = leaf(t, 2)
    return (w.double() * 2).sum()


PROGRAMS: dict[str, Any] = {
    "add": lambda t: sum(two(t, (2,), (2,))).sum(),
    "broadcast": lambda t: (leaf(t, 2, 3) * leaf(t, 3)).sum(),
    "scalar": lambda t: leaf(t) * leaf(t) + 2.0,
    "sub": lambda t: (leaf(t, 3) - 1.5 * leaf(t, 3)).sum(),
    "rsub": lambda t: (2 - leaf(t, 3)).sum(),
    "div": lambda t: (leaf(t, 3) / leaf(t, 3)).sum(),
    "divided number": lambda t: (1.0 / leaf(t, 3)).sum(),
    "pow": lambda t: (leaf(t, 3) ** 2).sum(),
    "pow tensor": lambda t: (leaf(t, 3).exp() ** leaf(t, 3)).sum(),
    "neg": lambda t: (-leaf(t, 3)).sum(),
    "exp log": lambda t: leaf(t, 3).exp().log().sum(),
    "sqrt": lambda t: leaf(t, 3).exp().sqrt().sum(),
    "trigonometry": lambda t: (leaf(t, 3).sin() * leaf(t, 3).cos()).sum(),
    "tanh": lambda t: leaf(t, 3).tanh().sum(),
    "sigmoid": lambda t: leaf(t, 3).sigmoid().mean(),
    "relu": lambda t: t.relu(leaf(t, 4)).sum(),
    "gelu": lambda t: t.nn.functional.gelu(leaf(t, 4)).sum(),
    "leaky": lambda t: t.nn.functional.leaky_relu(leaf(t, 4), 0.1).sum(),
    "softplus": lambda t: t.nn.functional.softplus(leaf(t, 4)).sum(),
    "abs": lambda t: leaf(t, 3).abs().sum(),
    "clamp": lambda t: leaf(t, 5).clamp(-0.5, 0.5).sum(),
    "maximum": lambda t: t.maximum(leaf(t, 3), t.zeros(3)).sum(),
    "where": lambda t: t.where(leaf(t, 3) > 0, leaf(t, 3), -leaf(t, 3)).sum(),
    "sum of a dim": lambda t: (leaf(t, 2, 3).sum(1) ** 2).sum(),
    "mean of a dim": lambda t: (leaf(t, 2, 3).mean(0, keepdim=True) ** 2).sum(),
    "max": lambda t: leaf(t, 5).max(),
    "matmul": lambda t: (leaf(t, 2, 3) @ leaf(t, 3, 2)).sum(),
    "matrix vector": lambda t: (leaf(t, 2, 3) @ leaf(t, 3)).sum(),
    "dot": lambda t: leaf(t, 3) @ leaf(t, 3),
    "bmm": lambda t: t.bmm(leaf(t, 2, 2, 3), leaf(t, 2, 3, 2)).sum(),
    "transpose": lambda t: (leaf(t, 2, 3).t() * 2.0).sum(),
    "reshape": lambda t: (leaf(t, 2, 3).reshape(3, 2) ** 2).sum(),
    "permute": lambda t: (leaf(t, 2, 3, 1).permute(2, 0, 1) ** 2).sum(),
    "unsqueeze": lambda t: (leaf(t, 3).unsqueeze(0) * 2).sum(),
    "expand": lambda t: (leaf(t, 1, 3).expand(2, 3) ** 2).sum(),
    "cat": lambda t: (t.cat(two(t, (2,), (3,))) ** 2).sum(),
    "stack": lambda t: (t.stack(two(t, (2,), (2,))) ** 2).sum(),
    "index": lambda t: leaf(t, 2, 3)[1].sum() + leaf(t, 3)[0],
    "slice": lambda t: leaf(t, 5)[1:4].sum(),
    "softmax": lambda t: (t.softmax(leaf(t, 2, 3), 1) ** 2).sum(),
    "log softmax": lambda t: t.log_softmax(leaf(t, 2, 3), 1).sum(),
    "mse": lambda t: t.nn.functional.mse_loss(leaf(t, 3), t.ones(3)),
    "std": lambda t: leaf(t, 5).std(),
    "split": split,
    "unbind": unbind,
    "classes": classes,
    "linear": linear,
    "conv": conv,
    "inplace": inplace,
    "view written": view_written,
    "fan out": fan_out,
    "shared many times": shared_many,
    "detached": detached,
    "no_grad part": no_grad_part,
    "double": double,
}


def ops(record: Any) -> list[Any]:
    """Every operation with what it is and what it was given, by labels."""
    nodes = record["nodes"]
    found = []
    for node in nodes:
        if node["kind"] == "op":
            given = [
                (i["slot"], nodes[i["n"]]["kind"], nodes[i["n"]]["label"] if nodes[i["n"]]["kind"] == "op" else "")
                for i in node["inputs"] if i.get("n") is not None
            ]  # fmt: skip
            found.append((node["label"], node["name"], node["op"], node["shape"], node["dtype"], given))
    return found


def numbers(value: Any) -> Any:
    return None if value is None else [*(value["data"] or ()), *value["shape"]]


def close(a: Any, b: Any) -> bool:
    return (a is None) == (b is None) and (a is None or a == pytest.approx(b, rel=1e-5, abs=1e-6))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_picture_as_of_gradviz(name: str) -> None:
    ours = recorded(PROGRAMS[name](gradviz)).to_json()
    theirs = recorded(PROGRAMS[name](torch)).to_json()
    assert ops(theirs) == ops(ours)
    for a, b in zip(theirs["nodes"], ours["nodes"], strict=True):
        assert a["forward"] == b["forward"]
        if a["value"] is not None and b["value"] is not None:
            assert close(numbers(a["value"]), numbers(b["value"])), a["label"]
    kinds = ("backward", "accumulate")
    theirs_steps, our_steps = ([s for s in r["steps"] if s["kind"] in kinds] for r in (theirs, ours))
    assert [s["kind"] for s in theirs_steps] == [s["kind"] for s in our_steps]
    compared = 0
    for a, b in zip(theirs_steps, our_steps, strict=True):
        assert a["n"] == b["n"]
        for key in ("grad", "before", "after"):
            assert close(numbers(a.get(key)), numbers(b.get(key))), key
        sent = list(zip(a.get("messages", ()), b.get("messages", ()), strict=True))
        for x, y in sent:
            assert [x[k] for k in ("to", "k", "of")] == [y[k] for k in ("to", "k", "of")]
            assert x["slot"] == y["slot"] or "CopySlices" in ours["nodes"][a["n"]]["name"]
            assert close(numbers(x["product"]), numbers(y["product"]))
            assert close(numbers(x["sum"]), numbers(y["sum"]))
            if x["local"] is not None and y["local"] is not None and y["local"]["shape"] == []:
                assert close(numbers(x["local"]), numbers(y["local"]))
            compared += 1
    assert compared


def test_the_last_gradients_are_those_of_backward() -> None:
    for name, program in PROGRAMS.items():
        loss = program(torch)
        walked = recorded(loss)
        after = [s["after"]["data"] for s in walked.steps if s["kind"] == "accumulate"]
        loss.backward()
        leaves = {id(v): v for fn, v in leaves_of(loss)}
        assert sorted(map(str, after)) == sorted(str(v.grad.reshape(-1).tolist()) for v in leaves.values()), name


def leaves_of(loss: Any) -> list[Any]:
    found, stack, seen = [], [loss.grad_fn], set()
    while stack:
        fn = stack.pop()
        if fn in seen:
            continue
        seen.add(fn)
        if hasattr(fn, "variable"):
            found.append((fn, fn.variable))
        stack.extend(u for u, _ in fn.next_functions if u is not None)
    return found


def test_nothing_of_the_learners_changes() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    w.grad = torch.tensor([10.0, 20.0])
    y = w * w
    y.retain_grad()
    heard = []
    y.register_hook(lambda g: heard.append(g) or g * 2)
    loss = y.sum()
    state = torch.random.get_rng_state()
    shown = BackpropStepper(loss)
    assert w.grad.tolist() == [10.0, 20.0]
    assert y.grad is None
    assert torch.equal(torch.random.get_rng_state(), state)
    assert len(heard) == 1  # the learner's own hook ran, as it would
    loss.backward()  # the graph is still there, and no hook of ours
    after = next(s["after"]["data"] for s in shown.record["steps"] if s["kind"] == "accumulate")
    assert w.grad.tolist() == after == [14.0, 28.0]
    assert y.grad.tolist() == [2.0, 2.0]


def test_a_module_and_its_input() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)).eval()
    x = torch.ones(2, 3)
    shown = GraphView(net, x)
    labels = {node["label"]: node for node in shown.record["nodes"]}
    assert {"0.weight", "0.bias", "2.weight", "x"} <= set(labels)
    assert (labels["addmm_2"]["path"], labels["addmm_2"]["module"]) == ("2", "Linear")
    assert labels["addmm_2"]["value"]["data"] == net(x).reshape(-1).tolist()
    assert "GraphView(net, x)" in labels["relu"]["line"]["text"]
    assert not net.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert not torch.nn.modules.module._global_forward_pre_hooks
    folded = GraphView(net, x, depth=0).to_json()
    assert any(node["kind"] == "group" for node in folded["nodes"])
    first, second = (GraphView(net, x).to_html() for _ in range(2))
    assert first == second


def test_a_module_that_fails_leaves_nothing_behind() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(5, 2))
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        GraphView(net, torch.ones(2, 3))
    hooks = torch.nn.modules.module
    assert not hooks._global_forward_pre_hooks
    assert not hooks._global_forward_hooks
    assert not torch.overrides._get_current_function_mode_stack()
    ours = gradviz.tensor(2.0, requires_grad=True)
    assert "ours.grad = 4" in BackpropStepper(lambda: ours * ours).to_text()  # both libraries in one program


def test_calls_of_one_module_are_told_apart_and_joined() -> None:
    cell = torch.nn.Linear(3, 3)

    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = cell

        def forward(self, x: Any) -> Any:
            return self.inner(torch.relu(self.inner(x)))

    shown = GraphView(Twice(), torch.ones(1, 3))
    entered = [s["path"] for s in shown.record["steps"] if s["kind"] == "module_enter"]
    assert entered == ["", "inner", "inner"]
    assert sum(n["label"] == "inner.weight" for n in shown.record["nodes"]) == 1
    paths = {n["label"]: n["path"] for n in shown.record["nodes"] if n["kind"] == "op"}
    assert (paths["addmm"], paths["relu"], paths["addmm_2"]) == ("inner", "", "inner")


def test_names() -> None:
    net = torch.nn.Linear(2, 1)
    scale = torch.tensor(2.0, requires_grad=True)
    error = (net(torch.ones(1, 2)) * scale).sum()
    assert {"weight", "bias", "scale", "error"} <= {n["label"] for n in GraphView(error).record["nodes"]}
    named = recorded(error, params={"my <b>": net.weight})
    assert "my <b>" in {n["label"] for n in named.nodes}


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, factor: float, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        ctx.factor = factor
        return factor * x**3 * y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * ctx.factor * 3 * x**2 * y, None, g * ctx.factor * x**3


def test_a_function_of_the_learners() -> None:
    x, y = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    made = recorded(Cube.apply(x, 2.0, y))
    (op,) = [n for n in made.nodes if n["kind"] == "op"]
    assert (op["op"], op["name"]) == ("Cube", "CubeBackward")
    assert [i["slot"] for i in op["inputs"]] == ["x", "y"]
    sent = next(s for s in made.steps if s["kind"] == "backward")["messages"]
    assert [m["product"]["data"] for m in sent] == [[72.0], [16.0]]


def test_a_leaf_and_a_constant_alone() -> None:
    w = torch.tensor(2.0, requires_grad=True)
    assert "w.grad = 1" in BackpropStepper(w).to_text()
    assert "2 = " not in GraphView(torch.tensor(2.0)).to_text()
    with pytest.raises(RuntimeError, match="does not require grad"):
        BackpropStepper(torch.tensor(2.0))
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        BackpropStepper(torch.ones(2, requires_grad=True) * 2)


def test_freed_and_overwritten_say_so_and_leave_no_hook() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    loss.backward()
    before = w.grad.tolist()
    with pytest.raises(RuntimeError, match="second time"):
        BackpropStepper(loss)
    assert w.grad.tolist() == before
    y = w.exp()
    stale = (y * y).sum()
    y.add_(1)
    with pytest.raises(RuntimeError, match="inplace operation"):
        BackpropStepper(stale)
    assert "exp" in GraphView(stale).to_text()


def test_what_has_no_derivative_is_drawn_and_refused_by_pytorch() -> None:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    loss = torch.heaviside(w * 2, torch.ones(2)).sum()
    assert "not_implemented" in GraphView(loss).to_text()
    with pytest.raises(RuntimeError, match="derivative for aten::heaviside is not implemented"):
        BackpropStepper(loss)
    assert w.grad is None


def test_values_that_are_worked_out_are_pytorchs() -> None:
    """Where no node kept a result it is computed by gradviz's operation, if nothing but its inputs decides on it."""
    functions = (torch.neg, torch.sin, torch.floor, torch.mean, torch.t, lambda v: v - v.cos(), lambda v: v @ v.t())
    for function in functions:
        x = leaf(torch, 3, 3)
        made = function(x)
        node = recorded((made + 0.0).sum(), backward=False).nodes[-3]
        assert node["name"] == made.grad_fn.name()
        assert close(node["value"]["data"], made.reshape(-1).tolist()), node["op"]
    rolled = recorded((torch.roll(leaf(torch, 4), 1) + 0.0).sum(), backward=False)
    assert rolled.nodes[1]["op"] == "roll"
    assert rolled.nodes[1]["value"] is None  # what it was rolled by is kept in another form


def test_types_and_places() -> None:
    half = torch.tensor([1.5, 2.0], dtype=torch.bfloat16, requires_grad=True)
    assert "half = [1.5, 2]" in BackpropStepper((half * 2).sum()).to_text()
    z = torch.tensor([1 + 2j], requires_grad=True)
    assert "z" in BackpropStepper((z * z).abs().sum()).to_text()
    conj = torch.tensor([1 + 2j]).conj()
    assert BackpropStepper((z * conj).abs().sum()).to_html()


def test_large_graphs() -> None:
    cell = torch.nn.LSTMCell(4, 8)

    def html(steps: int) -> str:
        def unrolled() -> Any:
            h = c = torch.zeros(2, 8)
            for _ in range(steps):
                h, c = cell(torch.ones(2, 4), (h, c))
            return h.sum()

        return BackpropStepper(unrolled).to_html()

    assert len(html(100)) <= 480_000
    assert growth(html, 25, 100) < 12
    deep = torch.ones(1, requires_grad=True)
    total = deep
    for _ in range(5_000):
        total = total + 1
    assert sum(n["kind"] == "op" for n in recorded(total, backward=False).nodes) == 5_000


def test_pytorch_is_never_imported() -> None:
    program = (
        "import sys, gradviz as torch\nfrom gradviz.widgets import BackpropStepper\n"
        "w = torch.tensor(2.0, requires_grad=True)\nBackpropStepper(lambda: w * w).to_html()\n"
        "sys.modules['torch'] = torch\nBackpropStepper(w * w)\nprint('torch._C' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
