"""Random programs of scalars and small tensors, for holding the browser's arithmetic against the engine's."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import gradviz as torch
import gradviz.nn.functional as F
from gradviz.widgets.replay import STATIC

NODE = shutil.which("node")
SCRIPT = """
globalThis.gradvizKit = { part: (name, made) => (globalThis.made = made) };
const { readFileSync } = require("fs");
(0, eval)(readFileSync(process.argv[1], "utf8"));
const cases = JSON.parse(readFileSync(0, "utf8"));
for (const c of cases) {
  try { made.rerun(c.record, c.given); } catch (error) { c.error = String(error); }
}
process.stdout.write(JSON.stringify(cases.map((c) => ({ record: c.record, error: c.error }))));
"""

ONE: list[tuple[str, float, float]] = [  # a function of one number, and where it is smooth
    ("-x", -3, 3),
    ("abs(x)", 0.2, 3),
    ("x.reciprocal()", 0.4, 3),
    ("torch.deg2rad(x)", -90, 90),
    ("torch.rad2deg(x)", -1, 1),
    ("x ** 2", -2, 2),
    ("x ** 3", -2, 2),
    ("x ** 0.5", 0.3, 3),
    ("x ** -1.5", 0.5, 3),
    ("x ** 0", -2, 2),
    ("2 ** x", -2, 2),
    ("0.3 ** x", -2, 2),
    ("x.exp()", -2, 2),
    ("torch.exp2(x)", -2, 2),
    ("x.expm1()", -1, 1),
    ("x.log()", 0.3, 4),
    ("x.log2()", 0.3, 4),
    ("x.log10()", 0.3, 4),
    ("x.log1p()", -0.5, 3),
    ("x.sqrt()", 0.3, 4),
    ("x.rsqrt()", 0.3, 4),
    ("torch.logit(x)", 0.1, 0.9),
    ("torch.logit(x, eps=0.2)", 0.3, 0.7),
    ("torch.special.entr(x)", 0.1, 2),
    ("x.sin()", -3, 3),
    ("x.cos()", -3, 3),
    ("x.tan()", -1.2, 1.2),
    ("x.asin()", -0.8, 0.8),
    ("x.acos()", -0.8, 0.8),
    ("x.atan()", -3, 3),
    ("x.sinh()", -2, 2),
    ("x.cosh()", -2, 2),
    ("x.tanh()", -2, 2),
    ("x.asinh()", -2, 2),
    ("x.acosh()", 1.2, 4),
    ("x.atanh()", -0.8, 0.8),
    ("torch.sinc(x)", 0.1, 2),
    ("x.clamp(-1, 1)", -2, 2),
    ("x.clamp(min=0.5)", -2, 2),
    ("torch.clamp_max(x, 0.5)", -2, 2),
    ("x.sign() * x", -2, 2),
    ("x.floor() + x", -2, 2),
    ("x.ceil() + x", -2, 2),
    ("x.trunc() + x", -2, 2),
    ("x.frac()", -2, 2),
    ("x.round() + x", -2, 2),
    ("x.round(decimals=1) + x", -2, 2),
    ("torch.remainder(x, 0.7)", -2, 2),
    ("torch.fmod(x, 0.7)", -2, 2),
    ("x.sigmoid()", -4, 4),
    ("x.relu()", -2, 2),
    ("F.leaky_relu(x, 0.1)", -2, 2),
    ("F.hardtanh(x)", -2, 2),
    ("F.hardsigmoid(x)", -4, 4),
    ("F.hardswish(x)", -4, 4),
    ("F.hardshrink(x)", -2, 2),
    ("F.softshrink(x)", -2, 2),
    ("F.threshold(x, 0.1, 0.4)", -2, 2),
    ("F.silu(x)", -3, 3),
    ("F.softplus(x, 2.0)", -3, 3),
    ("F.logsigmoid(x)", -3, 3),
    ("F.mish(x)", -3, 3),
    ("F.gelu(x)", -3, 3),
    ("F.gelu(x, approximate='tanh')", -3, 3),
    ("F.elu(x)", -3, 3),
    ("F.celu(x, 0.7)", -3, 3),
    ("F.selu(x)", -3, 3),
    ("torch.erf(x)", -3.5, 3.5),
    ("torch.erfc(x)", -2, 3.5),
    ("x.clone() * 2", -2, 2),
    ("3 - x", -2, 2),
    ("2 / x", 0.4, 3),
    ("x / 3", -2, 2),
    ("x.square()", -2, 2),
    ("torch.special.ndtr(x)", -2, 2),
    ("F.softsign(x)", -2, 2),
    ("x.double() * x", -2, 2),
]
TWO: list[tuple[str, float, float]] = [
    ("x + y", -3, 3),
    ("x - y", -3, 3),
    ("x * y", -3, 3),
    ("x / y", 0.4, 3),
    ("x ** y", 0.4, 2),
    ("torch.maximum(x, y)", -2, 2),
    ("torch.minimum(x, y)", -2, 2),
    ("torch.fmax(x, y)", -2, 2),
    ("torch.fmin(x, y)", -2, 2),
    ("torch.where(x > y, x * 2, y * 3)", -2, 2),
    ("torch.atan2(x, y)", 0.3, 2),
    ("torch.hypot(x, y)", 0.3, 2),
    ("torch.logaddexp(x, y)", -2, 2),
    ("torch.logaddexp2(x, y)", -2, 2),
    ("torch.xlogy(x, y)", 0.4, 2),
    ("torch.copysign(x, y)", 0.4, 2),
    ("torch.lerp(x, y, 0.3)", -2, 2),
    ("torch.lerp(x, y, 0.7)", -2, 2),
    ("torch.addcmul(x, x, y, value=0.5)", -2, 2),
    ("torch.addcdiv(x, x, y, value=0.5)", 0.4, 2),
    ("torch.clamp_min(x, y)", -2, 2),
    ("torch.remainder(x, y)", 0.5, 3),
    ("torch.fmod(x, y)", 0.5, 3),
    ("F.mse_loss(x, y)", -2, 2),
    ("F.smooth_l1_loss(x, y)", -3, 3),
    ("F.huber_loss(x, y, delta=0.5)", -3, 3),
    ("F.prelu(x, y.reshape(1))", -2, 2),
]
MANY: list[tuple[str, list[tuple[int, ...]]]] = [  # of tensors of these shapes; all numbers lie between 0.2 and 1.5
    ("x.sum()", [(3, 4)]),
    ("x.sum(0).prod()", [(3, 4)]),
    ("x.sum(1, keepdim=True).exp().sum()", [(3, 4)]),
    ("x.mean()", [(3, 5)]),
    ("x.mean(0).square().sum()", [(4, 3)]),
    ("x.mean((0, 2)).square().sum()", [(2, 3, 4)]),
    ("x.sum()", [(64,)]),
    ("x.sum()", [(7, 9)]),
    ("x.logsumexp(1).sum()", [(2, 5)]),
    ("x.logsumexp(0).sum()", [(4,)]),
    ("x.amax(0).sum() + x.amin(1).sum()", [(3, 4)]),
    ("x.max() * x.min()", [(5,)]),
    ("(x.max(1).values * x.min(1).values).sum()", [(3, 4)]),
    ("x.var()", [(6,)]),
    ("x.var(0).sum()", [(4, 3)]),
    ("x.std(unbiased=False)", [(9,)]),
    ("x.std(1).sum()", [(2, 4)]),
    ("x.prod()", [(5,)]),
    ("x.prod(1).sum()", [(2, 4)]),
    ("(x.cumsum(0) * y).sum()", [(5,), (5,)]),
    ("(x @ y).square().sum()", [(2, 3), (3, 4)]),
    ("(x @ y).square().sum()", [(2, 3), (3,)]),
    ("(x @ y).exp()", [(4,), (4,)]),
    ("(x @ y).square().sum()", [(3,), (3, 2)]),
    ("(x @ y).square().sum()", [(2, 2, 3), (2, 3, 2)]),
    ("F.linear(x, y, z).tanh().sum()", [(2, 3), (4, 3), (4,)]),
    ("F.linear(x, y).relu().mean()", [(2, 3), (4, 3)]),
    ("(x.softmax(1) * y).sum()", [(2, 4), (2, 4)]),
    ("(x.softmax(0) * y).sum()", [(3, 2), (3, 2)]),
    ("(F.log_softmax(x, 0) * y).sum()", [(5,), (5,)]),
    ("F.cross_entropy(x, torch.tensor([1, 0, 2]))", [(3, 4)]),
    ("F.cross_entropy(x, torch.tensor([1, 0]), reduction='sum')", [(2, 3)]),
    ("F.nll_loss(x, torch.tensor(1))", [(4,)]),
    ("F.binary_cross_entropy(x.sigmoid(), y.sigmoid())", [(4,), (4,)]),
    ("F.binary_cross_entropy_with_logits(x, (y > 0.7).float())", [(4,), (4,)]),
    ("F.binary_cross_entropy_with_logits(x, y, reduction='sum')", [(2, 3), (2, 3)]),
    ("F.mse_loss(x, y, reduction='sum')", [(3, 2), (3, 2)]),
    ("F.l1_loss(x, y)", [(3, 2), (3, 2)]),
    ("(x.reshape(6) * y).sum()", [(2, 3), (6,)]),
    ("(x.T @ y).sum()", [(3, 2), (3, 2)]),
    ("(x.permute(2, 0, 1) * y).sum()", [(2, 3, 4), (4, 2, 3)]),
    ("(x.transpose(0, 1) * y).sum()", [(2, 3), (3, 2)]),
    ("(x[1] * y).sum()", [(3, 2), (2,)]),
    ("(x[:, 1:3] * y).sum()", [(2, 4), (2, 2)]),
    ("(x[::2] * y).sum()", [(5,), (3,)]),
    ("x[-1, 0] * x[0, 1]", [(3, 2)]),
    ("(x.flip(0) * y).sum()", [(4,), (4,)]),
    ("(torch.cat([x, y]) * torch.cat([y, x])).sum()", [(2,), (3,)]),
    ("(torch.cat([x, y], 1) ** 2).sum()", [(2, 1), (2, 3)]),
    ("(torch.stack([x, y, x]) ** 2).sum()", [(3,), (3,)]),
    ("(torch.stack([x, y], 1) ** 3).sum()", [(3,), (3,)]),
    ("(x * y).sum()", [(3, 1), (1, 4)]),
    ("(x + y).exp().mean()", [(2, 3), (3,)]),
    ("(x - y).square().mean()", [(4,), ()]),
    ("(x.unsqueeze(0) * y).squeeze().sum()", [(3,), (1, 3)]),
    ("x.expand(3, 4).square().sum()", [(3, 1)]),
    ("(x.flatten() * y).sum()", [(2, 2), (4,)]),
    ("x.norm() if False else (x * x).sum().sqrt()", [(4,)]),
    ("torch.where(x > y, x, y * 2).sum()", [(4,), (4,)]),
    ("(x - x.mean()).square().sum() / x.std()", [(5,)]),
    ("(x > 0.5).float().sum() * x.sum()", [(5,)]),
    ("(x.double() * y.double()).sum()", [(3,), (3,)]),
    ("sum(a * b * b for a, b in zip(x, y))", [(3,), (3,)]),
    ("sum(p.exp() for p in x.unbind(1)).sum()", [(2, 3)]),
    ("[*x][1] * 2 + [*x][0]", [(3,)]),
    ("F.dropout(x, 0.5).square().sum()", [(8,)]),
    ("torch.nn.functional.alpha_dropout(x * 2, 0.3).sum()", [(8,)]),
]


def leaf(shape: tuple[int, ...], low: float, high: float, dice: random.Random, dtype: Any) -> Any:
    count = 1
    for n in shape:
        count *= n
    numbers = [round(dice.uniform(low, high), 3) for _ in range(count)]
    return torch.tensor(numbers, dtype=dtype).reshape(shape).requires_grad_()


def single(text: str, **names: Any) -> Any:
    """One expression, ending in one number."""
    made = eval(text, {"torch": torch, "F": F, **names})
    return made if made.ndim == 0 else made.sum()


def chain(dice: random.Random, dtype: Any) -> tuple[Any, list[Any]]:
    """A random expression graph of scalars with fan-out: (function, leaves)."""
    leaves = [leaf((), 0.3, 1.6, dice, dtype) for _ in range(3)]
    safe = ["x.tanh()", "x.sigmoid()", "x.sin()", "x.cos()", "F.gelu(x)", "(x / 2).exp() / 4", "x * x / 3",
            "(x * x + 1).log()", "x.relu()"]  # fmt: skip
    plan = [(dice.choice(safe), dice.choice(["+", "-", "*"]), dice.randrange(99), dice.randrange(99)) for _ in range(7)]

    def run(*given: Any) -> Any:
        pool = list(given)
        for text, sign, i, j in plan:
            a, b = pool[i % len(pool)], pool[j % len(pool)]
            pool.append(single(text, x=eval(f"a {sign} b", {"a": a, "b": b})))
        return pool[-1] * pool[-2] + pool[-3]

    return run, leaves


def in_the_browser(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records after the shipped script has run them again, by Node."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, "-e", SCRIPT, str(Path(STATIC) / "part-edit.js")],
        input=json.dumps(cases), capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def pairs(there: Any, here: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Every pair of numbers of two records, with where it is."""
    found: list[tuple[str, Any, Any]] = []
    for n, (a, b) in enumerate(zip(there["nodes"], here["nodes"], strict=True)):
        found.append((f"value of {n} {a['label']} ({a['op']})", a["value"], b["value"]))
    assert len(there["steps"]) == len(here["steps"])
    for k, (a, b) in enumerate(zip(there["steps"], here["steps"], strict=True)):
        assert a["kind"] == b["kind"], k
        name = f"of step {k} {a['kind']} {a.get('n')}"
        found.extend((f"{key} {name}", a[key], b[key]) for key in ("grad", "before", "after") if key in a)
        for m, o in zip(a.get("messages", ()), b.get("messages", ()), strict=True):
            found.extend(
                (f"{key} {name} to {m['to']} {m['slot']}", m[key], o[key]) for key in ("local", "product", "sum")
            )
    return found


def differs(there: Any, here: Any, relative: float, scale: float) -> float | None:
    """By how much two values of a record differ beyond what is allowed; None where they do not."""
    if there is None or here is None:
        return None if there is here else float("inf")
    if (there["shape"], there["dtype"]) != (here["shape"], here["dtype"]):
        return float("inf")
    for a, b in zip(there["data"], here["data"], strict=True):
        p, q = float(a), float(b)
        if p != q and not (p != p and q != q) and not abs(p - q) <= relative * max(abs(p), scale):
            return abs(p - q)
    return None
