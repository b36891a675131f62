"""Records made by hand, to test pictures without the engine: scalar graphs are computed, networks are made up."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def value(number: float) -> Json:
    """The record value of a scalar."""
    return {
        "shape": [], "dtype": "float32", "data": [number], "min": number, "max": number, "mean": number, "std": 0.0,
        "norm": abs(number), "nan": 0, "inf": 0, "zero": int(number == 0),
    }  # fmt: skip


def big(shape: list[int], rng: random.Random) -> Json:
    """The record value of a large tensor, with statistics only."""
    mean, std = rng.gauss(0, 0.4), rng.random()
    return {
        "shape": shape, "dtype": "float32", "data": None, "min": mean - 2 * std, "max": mean + 2 * std, "mean": mean,
        "std": std, "norm": std * 12, "nan": 0, "inf": 0, "zero": 3,
    }  # fmt: skip


RULES: dict[str, tuple[str, Callable[..., float], list[tuple[str, str, Callable[..., float]]]]] = {
    "mul": ("a * b", lambda a, b: a * b, [("a", "g * b", lambda a, b: b), ("b", "g * a", lambda a, b: a)]),
    "add": ("a + b", lambda a, b: a + b, [("a", "g", lambda a, b: 1.0), ("b", "g", lambda a, b: 1.0)]),
    "sub": ("a - b", lambda a, b: a - b, [("a", "g", lambda a, b: 1.0), ("b", "-g", lambda a, b: -1.0)]),
    "pow": ("a ** b", lambda a, b: a**b, [("a", "g * b * a ** (b - 1)", lambda a, b: b * a ** (b - 1))]),
    "tanh": ("tanh(x)", math.tanh, [("x", "g * (1 - out ** 2)", lambda x: 1 - math.tanh(x) ** 2)]),
    "relu": ("max(x, 0)", lambda x: max(x, 0.0), [("x", "g * (x > 0)", lambda x: float(x > 0))]),
}
SLOTS = {name: [slot for slot, _, _ in rule[2]] for name, rule in RULES.items()} | {"pow": ["a", "b"]}


class Tape:
    """Builds a record node by node."""

    def __init__(self, title: str = "") -> None:
        self.nodes: list[Json] = []
        self.steps: list[Json] = []
        self.title = title
        self.path: list[tuple[str, str]] = []
        self.counts: dict[str, int] = {}
        self.rng = random.Random(7)
        self.locals: dict[tuple[int, str], float] = {}

    def _node(
        self, kind: str, op: str, label: str, inputs: list[Json], shape: list[int], val: Json | None, forward: str
    ) -> int:
        n = len(self.nodes)
        self.nodes.append({
            "n": n, "kind": kind, "op": op,
            "name": {"leaf": "AccumulateGrad", "op": op.title() + "Backward0"}.get(kind),
            "label": label, "path": self.path[-1][0] if self.path and kind == "op" else "",
            "module": self.path[-1][1] if self.path and kind == "op" else None, "inputs": inputs, "settings": {},
            "shape": shape, "dtype": "float32", "requires_grad": kind != "const", "view": False, "inplace": False,
            "value": val, "forward": forward, "rules": {}, "latex": None, "elementwise": True,
            "line": {"file": "<cell>", "lineno": n + 1, "text": f"{label} = ..."},
        })  # fmt: skip
        self.steps.append({"kind": "forward", "n": n})
        return n

    def leaf(self, label: str, number: float, kind: str = "leaf") -> int:
        return self._node(kind, "leaf", label, [], [], value(number), "")

    def tensor(self, label: str, shape: list[int], kind: str = "leaf") -> int:
        return self._node(kind, "leaf", label, [], shape, big(shape, self.rng), "")

    def _label(self, op: str) -> str:
        k = self.counts.get(op, 0)
        self.counts[op] = k + 1
        return f"{op}_{k}" if k else op

    def op(self, op: str, *inputs: float, label: str = "") -> int:
        """A scalar op on node ordinals (ints) and constants (floats), computed."""
        forward, fn, rules = RULES[op]
        numbers = [self.nodes[i]["value"]["data"][0] if isinstance(i, int) else i for i in inputs]
        entries: list[Json] = [
            {"slot": s, "n": i} if isinstance(i, int) else {"slot": s, "value": i}
            for s, i in zip(SLOTS[op], inputs, strict=False)
        ]
        n = self._node("op", op, label or self._label(op), entries, [], value(fn(*numbers)), forward)
        self.nodes[n]["rules"] = {slot: text for slot, text, _ in rules}
        for slot, _, rule in rules:
            self.locals[n, slot] = rule(*numbers)
        return n

    def net_op(self, op: str, inputs: list[int], shape: list[int], forward: str = "") -> int:
        """An op on tensors with made-up numbers."""
        slots = ["x", "w", "b", "c", "d"] + [f"t{i}" for i in range(len(inputs))]
        entries = [{"slot": slots[k], "n": i} for k, i in enumerate(inputs)]
        return self._node("op", op, self._label(op), entries, shape, big(shape, self.rng), forward or f"{op}(x)")

    def enter(self, name: str, module: str) -> None:
        """Paths start below the outermost module, as the engine's do."""
        outer = self.path[-1][0] if self.path else ""
        path = (f"{outer}.{name}" if outer else name) if self.path else ""
        self.path.append((path, module))
        self.steps.append({"kind": "module_enter", "path": path, "module": module})

    def leave(self) -> None:
        path, module = self.path.pop()
        self.steps.append({"kind": "module_exit", "path": path, "module": module})

    def backward(self, root: int | None = None) -> None:
        """A true backward pass on scalars, made-up gradients on tensors, with messages and partial sums."""
        root = len(self.nodes) - 1 if root is None else root
        scalar = not self.nodes[root]["shape"] and all(not n["shape"] for n in self.nodes)
        needed, stack = {root}, [root]
        while stack:
            for e in self.nodes[stack.pop()]["inputs"]:
                if e.get("n") is not None and e["n"] not in needed:
                    needed.add(e["n"])
                    stack.append(e["n"])
        of: dict[int, int] = {}
        for n in needed:
            for e in self.nodes[n]["inputs"]:
                if e.get("n") is not None:
                    of[e["n"]] = of.get(e["n"], 0) + 1
        grad = {root: 1.0}
        k: dict[int, int] = {}
        self.steps.append({"kind": "backward_begin", "root": root})
        for n in sorted(needed, reverse=True):
            node = self.nodes[n]
            if node["kind"] == "const":
                continue
            g = value(grad.get(n, 0.0)) if scalar else big(node["shape"], self.rng)
            if node["kind"] == "leaf":
                self.steps.append({"kind": "accumulate", "n": n, "before": None, "after": g})
                continue
            sent = []
            for e in node["inputs"]:
                to = e.get("n")
                if to is None or self.nodes[to]["kind"] == "const":
                    continue
                k[to] = k.get(to, 0) + 1
                local = self.locals.get((n, e["slot"]), 1.0)
                product = grad.get(n, 0.0) * local
                grad[to] = grad.get(to, 0.0) + product
                shape = self.nodes[to]["shape"]
                sent.append({
                    "to": to, "slot": e["slot"], "local": value(local) if scalar else None,
                    "product": value(product) if scalar else big(shape, self.rng),
                    "sum": value(grad[to]) if scalar else big(shape, self.rng), "k": k[to], "of": of[to],
                })  # fmt: skip
            self.steps.append({"kind": "backward", "n": n, "grad": g, "messages": sent, "frees": True})
        self.steps.append({"kind": "backward_end"})

    def record(self) -> Json:
        return {"format": "gradviz.record/1", "nodes": self.nodes, "steps": self.steps, "meta": {"title": self.title}}


def small() -> Json:
    """(x * w + b) ** 2 with x = 3, w = -2, b = 1."""
    t = Tape("loss = (x · w + b)²")
    x, w, b = t.leaf("x", 3.0), t.leaf("w", -2.0), t.leaf("b", 1.0)
    t.op("pow", t.op("add", t.op("mul", x, w), b), 2.0, label="loss")
    t.backward()
    return t.record()


def neuron() -> Json:
    """Two inputs, tanh, a shared leaf and a diamond."""
    t = Tape("A neuron and its loss")
    x1, w1, x2, w2, b = (
        t.leaf("x1", 2.0),
        t.leaf("w1", -3.0),
        t.leaf("x2", 0.5),
        t.leaf("w2", 1.0),
        t.leaf("b", 6.881373),
    )
    n = t.op("add", t.op("add", t.op("mul", x1, w1), t.op("mul", x2, w2)), b)
    o = t.op("tanh", n)
    e = t.op("sub", o, x2, label="error")
    t.op("mul", e, e, label="loss")
    t.backward()
    return t.record()


def micrograd(*sizes: int) -> Json:
    """An expression graph of a scalar multilayer perceptron."""
    t = Tape()
    xs = [t.leaf(f"x{i}", 0.3 * i - 0.5) for i in range(sizes[0])]
    rng = random.Random(1)
    for layer, wide in enumerate(sizes[1:]):
        ys = []
        for j in range(wide):
            total = t.leaf(f"b{layer}_{j}", rng.gauss(0, 1))
            for i, x in enumerate(xs):
                total = t.op("add", total, t.op("mul", t.leaf(f"w{layer}_{j}_{i}", rng.gauss(0, 1)), x))
            ys.append(t.op("tanh", total))
        xs = ys
    t.backward()
    return t.record()


def _linear(t: Tape, name: str, x: int, rows: int, n_in: int, n_out: int) -> int:
    w, b = t.tensor(f"{name}.weight", [n_out, n_in]), t.tensor(f"{name}.bias", [n_out])
    t.enter(name, "Linear")
    y = t.net_op("addmm", [b, x, t.net_op("t", [w], [n_in, n_out], "w.T")], [rows, n_out], "x @ w.T + b")
    t.leave()
    return y


def mlp() -> Json:
    """A two-layer perceptron with its loss."""
    t = Tape("An MLP on one batch")
    x = t.tensor("images", [64, 784], "const")
    t.enter("net", "MLP")
    h = _linear(t, "fc1", x, 64, 784, 128)
    t.enter("act", "ReLU")
    h = t.net_op("relu", [h], [64, 128], "max(x, 0)")
    t.leave()
    out = _linear(t, "fc2", h, 64, 128, 10)
    t.leave()
    target = t.tensor("labels", [64], "const")
    t.net_op("nll_loss", [t.net_op("log_softmax", [out], [64, 10]), target], [])
    t.backward()
    return t.record()


def _conv(t: Tape, name: str, x: int, channels: int, side: int) -> int:
    w, b = t.tensor(f"{name}.weight", [channels, 3, 3, 3]), t.tensor(f"{name}.bias", [channels])
    t.enter(name, "Conv2d")
    y = t.net_op("conv2d", [x, w, b], [8, channels, side, side], "x ⋆ w + b")
    t.leave()
    return y


def cnn() -> Json:
    """One step of a small convolutional network."""
    t = Tape("One CIFAR-10 step")
    x = t.tensor("images", [8, 3, 32, 32], "const")
    t.enter("net", "Net")
    for k, side in ((1, 28), (2, 10)):
        x = _conv(t, f"conv{k}", x, 6 * k, side)
        x = t.net_op("relu", [x], [8, 6 * k, side, side], "max(x, 0)")
        t.enter("pool", "MaxPool2d")
        x = t.net_op("max_pool2d", [x], [8, 6 * k, side // 2, side // 2])
        t.leave()
    x = t.net_op("flatten", [x], [8, 400], "x.view(8, -1)")
    for k, (a, b) in enumerate([(400, 120), (120, 84), (84, 10)]):
        x = _linear(t, f"fc{k + 1}", x, 8, a, b)
        if k < 2:
            x = t.net_op("relu", [x], [8, b], "max(x, 0)")
    t.leave()
    t.net_op("nll_loss", [t.net_op("log_softmax", [x], [8, 10]), t.tensor("labels", [8], "const")], [])
    t.backward()
    return t.record()


def resnet(*blocks: int) -> Json:
    """A residual network with batch norm; blocks per stage."""
    t = Tape()

    def bn(name: str, x: int) -> int:
        w, b = t.tensor(f"{name}.weight", [64]), t.tensor(f"{name}.bias", [64])
        t.enter(name, "BatchNorm2d")
        y = t.net_op("batch_norm", [x, w, b], [8, 64, 8, 8])
        t.leave()
        return y

    x = t.tensor("images", [8, 3, 32, 32], "const")
    t.enter("net", "ResNet")
    x = t.net_op("relu", [bn("bn1", _conv(t, "conv1", x, 64, 32))], [8, 64, 32, 32])
    for stage, count in enumerate(blocks):
        t.enter(f"layer{stage + 1}", "Sequential")
        for block in range(count):
            t.enter(str(block), "BasicBlock")
            y = t.net_op("relu", [bn("bn1", _conv(t, "conv1", x, 64, 8))], [8, 64, 8, 8])
            y = bn("bn2", _conv(t, "conv2", y, 64, 8))
            if stage and not block:
                t.enter("downsample", "Sequential")
                x = bn("1", _conv(t, "0", x, 64, 8))
                t.leave()
            x = t.net_op("relu", [t.net_op("add", [y, x], [8, 64, 8, 8], "x + w")], [8, 64, 8, 8])
            t.leave()
        t.leave()
    x = _linear(t, "fc", t.net_op("flatten", [t.net_op("mean", [x], [8, 64])], [8, 64]), 8, 64, 10)
    t.leave()
    t.net_op("cross_entropy", [x, t.tensor("labels", [8], "const")], [])
    t.backward()
    return t.record()


def densenet(*blocks: int) -> Json:
    """Blocks in which every layer reads all layers before it."""
    t = Tape()
    x = t.tensor("images", [8, 3, 32, 32], "const")
    t.enter("net", "DenseNet")
    for stage, count in enumerate(blocks):
        t.enter(f"block{stage + 1}", "DenseBlock")
        found = [x]
        for k in range(count):
            y = t.net_op("cat", found[-5:] if len(found) > 5 else found, [8, 64, 8, 8])
            found.append(t.net_op("relu", [_conv(t, f"conv{k}", y, 32, 8)], [8, 32, 8, 8]))
        x = t.net_op("cat", found[:5], [8, 64, 8, 8])
        t.leave()
    t.leave()
    t.net_op("sum", [x], [])
    t.backward()
    return t.record()


def lstm(steps: int) -> Json:
    """One LSTM cell unrolled over time, its four parameters shared by all steps."""
    t = Tape(f"An LSTM over {steps} steps")
    ws = [t.tensor(n, [256, 64]) for n in ("weight_ih", "weight_hh")]
    bs = [t.tensor(n, [256]) for n in ("bias_ih", "bias_hh")]
    h, c = t.tensor("h0", [8, 64], "const"), t.tensor("c0", [8, 64], "const")
    for step in range(steps):
        x = t.tensor(f"x{step}", [8, 64], "const")
        t.enter("cell", "LSTMCell")
        gates = t.net_op("add", [
            t.net_op("addmm", [bs[0], x, t.net_op("t", [ws[0]], [64, 256])], [8, 256], "x @ w.T + b"),
            t.net_op("addmm", [bs[1], h, t.net_op("t", [ws[1]], [64, 256])], [8, 256], "x @ w.T + b"),
        ], [8, 256], "x + w")  # fmt: skip
        cut = t.net_op("chunk", [gates], [8, 64])
        i, f, o = (t.net_op("sigmoid", [cut], [8, 64]) for _ in range(3))
        g = t.net_op("tanh", [cut], [8, 64])
        c = t.net_op(
            "add",
            [t.net_op("mul", [f, c], [8, 64], "x * w"), t.net_op("mul", [i, g], [8, 64], "x * w")],
            [8, 64],
            "x + w",
        )
        h = t.net_op("mul", [o, t.net_op("tanh", [c], [8, 64])], [8, 64], "x * w")
        t.leave()
    t.net_op("sum", [h], [])
    t.backward()
    return t.record()


def transformer(layers: int) -> Json:
    """Self-attention and feed-forward blocks with residual connections."""
    t = Tape()
    x = t.tensor("tokens", [8, 16, 64], "const")
    s = [8, 16, 64]

    def norm(name: str, x: int) -> int:
        w, b = t.tensor(f"{name}.weight", [64]), t.tensor(f"{name}.bias", [64])
        t.enter(name, "LayerNorm")
        y = t.net_op("layer_norm", [x, w, b], s)
        t.leave()
        return y

    t.enter("encoder", "TransformerEncoder")
    for k in range(layers):
        t.enter(str(k), "TransformerEncoderLayer")
        h = norm("norm1", x)
        t.enter("attn", "MultiheadAttention")
        q, key, v = (t.net_op("transpose", [_linear(t, n, h, 128, 64, 64)], s) for n in "qkv")
        scores = t.net_op("softmax", [t.net_op("matmul", [q, key], s, "x @ w")], s)
        h = _linear(t, "out", t.net_op("matmul", [scores, v], s, "x @ w"), 128, 64, 64)
        t.leave()
        x = t.net_op("add", [x, h], s, "x + w")
        h = t.net_op("relu", [_linear(t, "ff1", norm("norm2", x), 128, 64, 256)], s)
        x = t.net_op("add", [x, _linear(t, "ff2", h, 128, 256, 64)], s, "x + w")
        t.leave()
    t.leave()
    t.net_op("mean", [x], [])
    t.backward()
    return t.record()


HOSTILE = [
    "<script>alert(1)</script>", "\"quoted\" 'single' `tick`", "two\nlines\tand\rmore",
    "\u202eevil\u202c \u200frtl שלום",
    "\x00\x01\x1b[31mred\x7f\ud800", "x" * 10_000, "]]>--><!--&amp;&#0;", "{}%s\\N\\l<b>|", "文字" * 40, "",
]  # fmt: skip


def hostile() -> Json:
    """Names that try to break out of SVG, HTML, CSS and DOT."""
    t = Tape(HOSTILE[0] + HOSTILE[3])
    nodes = [t.leaf(name, i + 1.0) for i, name in enumerate(HOSTILE)]
    for name in HOSTILE:
        t.enter(name or "m", name)
        nodes.append(t.op("mul", nodes[-1], nodes[len(nodes) - len(HOSTILE)], label=name))
        t.op("add", nodes[-1], nodes[0], label=name)
        t.leave()
    t.backward()
    return t.record()
