"""Checks of lesson 20: five programs with one planted bug each. What is wrong is found by running them again."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import gradviz as torch
from gradviz.teach.check import Unfinished, Wrong, exercise
from gradviz.teach.compare import number

Values = dict[str, Any]


# -- the patients ----------------------------------------------------------------------------------------------------
def the_nan() -> Values:
    rows = torch.tensor([[1.0, 5.0, 2.0], [2.0, 5.0, 6.0], [3.0, 5.0, 1.0]])
    weight = torch.tensor([2.0, -1.0, 0.5], requires_grad=True)
    weighted = rows * weight
    centred = weighted - weighted.mean(0)
    spread = (centred * centred).mean(0)
    scaled = centred / spread
    score = scaled.sum(1)
    loss = (score * score).mean()
    return locals()


def the_hidden_nan() -> Values:
    speed = torch.tensor([2.0, -0.5, 8.0], requires_grad=True)
    doubled = 2 * speed
    root = torch.sqrt(doubled)
    kept = torch.where(doubled > 0, root, torch.zeros(3))
    shifted = kept - 1
    loss = (shifted * shifted).sum()
    return locals()


def the_lost_gradient() -> Values:
    x = torch.linspace(1, 2, 8)
    weight = torch.tensor(1.0, requires_grad=True)
    h1 = weight * x
    h2 = torch.tanh(h1)
    h3 = h2 * 12
    h4 = torch.sigmoid(h3)
    h5 = h4 * 0.5
    loss = ((h5 - 1) ** 2).mean()
    return locals()


def the_silent_one() -> Values:
    score = torch.tensor([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0], [3.0, 0.0, 0.0]])
    positive = torch.exp(score)
    total = positive.sum(1)
    share = positive / total
    mixed = share @ torch.ones(3, 2)
    return locals()


def gradients(values: Values) -> dict[str, Any]:
    """The gradient that arrives at each value, from the loss back."""
    names = [name for name, value in values.items() if value.requires_grad]
    found = torch.autograd.grad(values["loss"], [values[name] for name in names])
    return dict(zip(names, found, strict=True))


def first_nan() -> str:
    return next(name for name, value in the_nan().items() if torch.isnan(value).any())


def first_nan_back() -> str:
    """The value whose backward operation is the first to return NaN: the one after the last healthy gradient."""
    grads = gradients(the_hidden_nan())
    names = list(grads)
    last = max(names.index(name) for name in names if torch.isnan(grads[name]).any())
    return names[last + 1]


def lost_at() -> str:
    """The value across whose operation the norm of the gradient falls most."""
    grads = gradients(the_lost_gradient())
    norms = {name: float(grad.norm()) for name, grad in grads.items()}
    chain = [name for name in norms if name != "weight"]
    falls = {after: norms[before] / norms[after] for before, after in pairwise(chain)}
    return min(falls, key=lambda name: falls[name])


@functools.cache
def dead_units() -> dict[str, int]:
    """Dead units of each ReLU, counted on every row."""
    torch.manual_seed(4)
    data = torch.rand(64, 4) + 2
    sizes = [(4, 16), (16, 16), (16, 16)]
    layers = [layer for n, m in sizes for layer in (torch.nn.Linear(n, m), torch.nn.ReLU())]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(16, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.2)
    for _ in range(2):
        optimizer.zero_grad()
        ((net(data) - 4) ** 2).mean().backward()
        optimizer.step()
    found, h = {}, data
    for name, layer in net.named_children():
        h = layer(h)
        if isinstance(layer, torch.nn.ReLU):
            found[name] = int((h == 0).all(0).sum())
    return found


# -- the checks ------------------------------------------------------------------------------------------------------
def named(answer: Any, program: Callable[[], Values], right: str, replies: Mapping[str, str], well_done: str) -> str:
    """One name of the program; every other one has a reply that says how it differs from what was asked."""
    if not isinstance(answer, str):
        raise Wrong(f'Answer with a name in quotes, such as `"loss"`; this is a {type(answer).__name__}.')
    known = list(program())
    name = answer.strip()
    if name not in known:
        raise Wrong(f"No value of this program is called {name[:40]!r}. There are: {', '.join(known)}.")
    if name == right:
        return well_done
    raise Wrong(replies[name])


LATER = "This value is wrong, but so is something that it was computed from. Go further back."


@exercise(
    "20.1",
    "The NaN",
    hints=[
        "`print(torch.isnan(centred).any())`, and so on, line by line: where is it True for the first time?",
        'Or `BackpropStepper(loss, stop=Stop("nonfinite"))`: press Home and then N.',
    ],
)
def nan_hunt(answer: Any) -> str:
    """The first value that holds NaN."""
    replies = {
        "rows": "The data are finite. One column is peculiar, but that is no error yet.",
        "weight": "The weights are finite.",
        "weighted": "All its numbers are finite.",
        "centred": "All its numbers are finite; some are 0, as they should be.",
        "spread": "You are close. Its numbers are finite and right. What is done with them next?",
        "score": LATER,
        "loss": LATER,
    }
    done = "0/0: a column that never changes has no spread. Add a small number to the divisor, or drop the column."
    return named(answer, the_nan, first_nan(), replies, done)


@exercise(
    "20.2",
    "The hidden NaN",
    hints=[
        "Put `with torch.autograd.detect_anomaly():` around `loss.backward()`. Whose backward operation does it name?",
        "`torch.where` hands the gradient 0 to the entry it did not choose. What is it multiplied by next?",
    ],
)
def hidden(answer: Any) -> str:
    """The operation whose backward makes the NaN."""
    values = the_hidden_nan()
    grads = gradients(values)
    finite = "The gradient that its backward operation returns is finite. Go on, towards `speed`."
    replies = {
        "loss": finite,
        "shifted": finite,
        "kept": finite + " It is 0 where the entry was not chosen.",
        "doubled": "The gradient that reaches it is NaN already. Whose backward operation sent that?",
        "speed": "It only receives the NaN. Whose backward operation returned it first?",
    }
    assert torch.isfinite(values["loss"])
    assert torch.isfinite(grads["kept"]).all()
    done = "0 times the local factor of a root that does not exist. Mask the input of the root, not its result."
    return named(answer, the_hidden_nan, first_nan_back(), replies, done)


@exercise(
    "20.3",
    "The gradient that got lost",
    hints=[
        "Before `backward()`, give each h a hook that prints the norm: `h1.register_hook(lambda g: print(g.norm()))`.",
        "Between which two neighbours does the norm fall by many powers of ten? The operation lies between them.",
    ],
)
def lost(answer: Any) -> str:
    """Where the gradient falls by several orders of magnitude."""
    grads = gradients(the_lost_gradient())
    right = lost_at()
    replies = {"x": "`x` is data: no gradient is asked for it.", "weight": "It is the end of the road. Look before it."}
    order = [name for name in grads if name != "weight"]
    for name in order:
        size = f"A gradient of norm {float(grads[name].norm()):.0e} arrives at it"
        before = order.index(name) < order.index(right)
        replies[name] = f"{size}: it was lost before." if before else f"{size}, and most of it is passed on."
        if before and name == order[order.index(right) - 1]:
            replies[name] = f"{size}. That is the small message. Which operation sent it?"
    replies["loss"] = "The loss has the gradient 1 and passes on a healthy one."
    done = "Saturated: at 1, a sigmoid is flat and its local factor nearly 0. The factor 12 before it drove it there."
    return named(answer, the_lost_gradient, right, replies, done)


@exercise(
    "20.4",
    "The dead layer",
    hints=[
        "A forward hook on each ReLU gets `(module, given, made)`; then run `net(data)` once.",
        "A unit is a column of `made`. It is dead if it is 0 on all rows: `(made == 0).all(0)`.",
    ],
)
def dead_layer(answer: Any) -> str:
    """Which ReLU, and how many of its units are 0 on every row."""
    if not isinstance(answer, Mapping) or "layer" not in answer or "dead" not in answer:
        raise Wrong("Give both: `dict(layer=..., dead=...)`.")
    if ... in (answer["layer"], answer["dead"]):
        raise Unfinished("Fill in both, the layer and the number.")
    known = dead_units()
    layer = str(answer["layer"])
    if layer not in known:
        raise Wrong(f"There is no ReLU {layer[:20]!r}; they are {', '.join(map(repr, known))}.")
    count = number(answer["dead"], "dead")
    if layer != max(known, key=lambda name: known[name]):
        raise Wrong(f"Another ReLU has more dead units than {layer!r}.")
    if count > 16 or count != math.floor(count) or count < 0:
        raise Wrong("A layer has 16 units, and `dead` counts whole ones.")
    if count < known[layer]:
        raise Wrong("The layer is right; it has more dead units than that. Count columns that are 0 on every row.")
    if count > known[layer]:
        raise Wrong("The layer is right; it has fewer dead units. A unit lives if a single row of the data wakes it.")
    return "Two steps at too large a rate, on inputs that are not centred."


@exercise(
    "20.5",
    "The silent one",
    hints=[
        "`print(share.sum(1), share.sum(0))`, and the shape of each value.",
        "A shape (3,) is laid along the *last* dimension: each number meets a column, not a row.",
    ],
)
def silent(answer: Any) -> str:
    """The first value whose numbers are wrong."""
    values = the_silent_one()
    share = values["share"]
    assert not torch.allclose(share.sum(1), torch.ones(3), atol=0.1)
    wanted = values["positive"] / values["positive"].sum(1, keepdim=True)
    right = next(name for name, value in {"share": share}.items() if not torch.allclose(value, wanted))
    replies = {
        "score": "These are the data.",
        "positive": "exp of every entry: right.",
        "total": "Close: these three numbers are right, each the sum of a row. Which value puts them to the wrong use?",
        "mixed": LATER,
    }
    done = "Each total divided a column. `positive.sum(1, keepdim=True)` has the shape (3, 1) and divides the rows."
    return named(answer, the_silent_one, right, replies, done)


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""
    dead = dead_units()
    worst = max(dead, key=lambda name: dead[name])
    other = min(dead, key=lambda name: dead[name])
    return {
        "20.1": ["spread", "score", "loss", "centred", "rows", "mean", 3],
        "20.2": ["kept", "doubled", "speed", "loss", "shifted", "MulBackward0", None],
        "20.3": ["h1", "h2", "h3", "h5", "loss", "weight", "x", "net", 4],
        "20.4": [
            {"layer": worst, "dead": dead[worst] + 1},
            {"layer": worst, "dead": dead[worst] - 1},
            {"layer": worst, "dead": 17},
            {"layer": other, "dead": dead[other]},
            {"layer": "0", "dead": 3},
            14,
        ],
        "20.5": ["total", "mixed", "positive", "score", "keepdim", 1],
    }
