"""Programs with the classic mistakes in them, many ways of each; what a picture of one must say."""

from __future__ import annotations

from typing import Any

import gradviz as torch
import gradviz.nn as nn
import gradviz.nn.functional as F


def vector(*values: float) -> Any:
    return torch.tensor(values or (1.0, 2.0, 3.0), requires_grad=True)


# -- written over before backward -----------------------------------------------------------------------------------
def add_in_place() -> Any:
    x = vector()
    y = x * 2
    z = y * y
    y += 1
    z.sum().backward()


def method_in_place() -> Any:
    x = vector()
    y = torch.sigmoid(x)
    y.mul_(2)
    y.sum().backward()


def element_written() -> Any:
    x = vector()
    y = torch.exp(x)
    y[0] = 5.0
    y.sum().backward()


def through_a_view() -> Any:
    x = vector()
    y = x * 1
    z = y * y
    y[1:].zero_()
    z.sum().backward()


def twice() -> Any:
    x = vector()
    y = x * 2
    z = y**3
    y.add_(1)
    y.add_(1)
    z.sum().backward()


def in_a_module() -> Any:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            h = torch.tanh(self.fc(x))
            h.add_(1)
            return h.sum()

    Net()(vector()).backward()


def by_the_optimizer() -> None:
    w, v = vector(), vector()
    step = torch.optim.SGD([w], lr=0.1).step
    loss = (v * w * w).sum()
    loss.backward(retain_graph=True)
    step()
    loss.backward()


# name -> (program, node that needs, what it kept, the line that wrote, version kept, version there)
INPLACE = {
    "add": (add_in_place, "z", "y", "y += 1", 0, 1),
    "method": (method_in_place, "y", "its own result", "y.mul_(2)", 0, 1),
    "element": (element_written, "y", "its own result", "y[0] = 5.0", 0, 1),
    "view": (through_a_view, "z", "y", "y[1:].zero_()", 0, 1),
    "twice": (twice, "z", "y", "y.add_(1)", 0, 2),
    "module": (in_a_module, "h", "its own result", "h.add_(1)", 0, 1),
}


# -- freed ------------------------------------------------------------------------------------------------------------
def same_loss_twice() -> Any:
    w = vector()
    loss = (w * w).sum()
    loss.backward()
    loss.backward()


def shared_part() -> Any:
    w = vector()
    h = torch.tanh(w * w)
    a = (h * h).sum()
    b = (h * 2).sum()
    a.backward()
    b.backward()


def hidden_state() -> Any:
    w = vector()
    state = torch.zeros(3)
    for _ in range(2):
        state = torch.tanh(state + w * w)
        state.sum().backward()


def by_grad() -> Any:
    w = vector()
    loss = torch.exp(w).sum()
    torch.autograd.grad(loss, w)
    torch.autograd.grad(loss, w)


# name -> (program, the line that freed, a node that lost something, what)
FREED = {
    "twice": (same_loss_twice, "loss.backward()", "mul", "w"),
    "shared": (shared_part, "a.backward()", "h", "its result"),
    "state": (hidden_state, "state.sum().backward()", "state", "its result"),
    "grad": (by_grad, "torch.autograd.grad(loss, w)", "exp", "its result"),
}

# -- shapes: name -> (call, what the box says, the marked shapes) ---------------------------------------------------
W = torch.ones(3, 4, requires_grad=True)
SHAPES: dict[str, tuple[Any, str, list[str]]] = {
    "matmul": (lambda: W @ torch.ones(5, 2), "4 ≠ 5", ["3×[4]", "[5]×2"]),
    "mm": (lambda: torch.mm(W, W), "4 ≠ 3", ["3×[4]", "[3]×4"]),
    "bmm": (lambda: torch.bmm(torch.ones(2, 3, 4), torch.ones(2, 3, 4)), "4 ≠ 3", ["2×3×[4]", "2×[3]×4"]),
    "batches": (lambda: torch.ones(2, 3, 4) @ torch.ones(5, 4, 2), "2 ≠ 5", ["[2]×3×4", "[5]×4×2"]),
    "mv": (lambda: torch.mv(W, torch.ones(3)), "4 ≠ 3", ["3×[4]", "[3]"]),
    "dot": (lambda: torch.dot(W[0], torch.ones(3)), "4 ≠ 3", ["[4]", "[3]"]),
    "add": (lambda: W + torch.ones(3), "4 ≠ 3", ["3×[4]", "[3]"]),
    "mul": (lambda: W * torch.ones(2, 4), "3 ≠ 2", ["[3]×4", "[2]×4"]),
    "where": (lambda: torch.where(W > 0, W, torch.ones(5)), "4 ≠ 5", ["3×[4]", "3×4", "[5]"]),
    "maximum": (lambda: torch.maximum(W, torch.ones(2, 2)), "4 ≠ 2", ["3×[4]", "2×[2]"]),
    "in place": (lambda: torch.ones(3).add_(torch.ones(3, 4)), "3 ≠ 4", ["[3]", "3×[4]"]),
    "cat": (lambda: torch.cat([W, torch.ones(2, 5)], 0), "4 ≠ 5", ["3×[4]", "2×[5]"]),
    "cat dim": (lambda: torch.cat([W, torch.ones(2, 5)], dim=1), "3 ≠ 2", ["[3]×4", "[2]×5"]),
    "stack": (lambda: torch.stack([W, torch.ones(2, 4)]), "3 ≠ 2", ["[3]×4", "[2]×4"]),
    "conv": (lambda: nn.Conv2d(3, 8, 3)(torch.ones(2, 4, 8, 8)), "4 ≠ 3", ["2×[4]×8×8", "8×[3]×3×3", "8"]),
    "conv1d": (lambda: F.conv1d(W, torch.ones(2, 5, 3)), "3 ≠ 5", ["1×[3]×4", "2×[5]×3"]),
    "kernel": (lambda: nn.Conv2d(1, 1, 9)(torch.ones(1, 1, 4, 4)), "4 < 9", ["1×1×[4]×[4]", "1×1×[9]×[9]", "1"]),
    "transposed": (lambda: nn.ConvTranspose2d(3, 8, 3)(torch.ones(4, 8, 8)), "4 ≠ 3", ["1×[4]×8×8", "[3]×8×3×3", "8"]),
    "linear": (lambda: nn.Linear(5, 2)(W), "4 ≠ 5", ["3×[4]", "2×[5]", "2"]),
    "view": (lambda: W.view(5, 2), "12 ≠ 5×2", ["[3]×[4]"]),
    "reshape": (lambda: W.reshape(5, -1), "12 ≠ 5×?", ["[3]×[4]"]),
    "expand": (lambda: W.expand(3, 5), "4 ≠ 5", ["3×[4]"]),
    "cross_entropy": (lambda: F.cross_entropy(W, torch.zeros(4, dtype=torch.int64)), "3 ≠ 4", ["[3]×4", "[4]"]),
    "a loss module": (lambda: nn.CrossEntropyLoss()(W, torch.zeros(2, dtype=torch.int64)), "3 ≠ 2", ["[3]×4", "[2]"]),
    "bce": (lambda: F.binary_cross_entropy_with_logits(W, torch.zeros(4, 2)), "3 ≠ 4", ["[3]×4", "[4]×2"]),
    "layer_norm": (lambda: nn.LayerNorm(5)(W), "4 ≠ 5", ["3×[4]", "5", "5"]),
    "einsum": (lambda: torch.einsum("ij,jk->ik", W, torch.ones(3, 2)), "j: 4 ≠ 3", ["3×[4]", "[3]×2"]),
    "lstm": (lambda: nn.LSTM(5, 2)(torch.ones(3, 1, 4)), "4 ≠ 5", ["3×1×[4]"]),
    "hstack": (lambda: torch.hstack([W, torch.ones(2, 4)]), "3 ≠ 2", ["[3]×4", "[2]×4"]),
}  # fmt: skip

# -- other refused calls, which are shown without a marked dimension --------------------------------------------------
REFUSED = {
    "index": (lambda: W[:, 7], "index"),
    "embedding": (lambda: nn.Embedding(5, 2)(torch.tensor([7])), "embedding"),
    "class": (lambda: F.cross_entropy(W, torch.tensor([0, 1, 9])), "cross_entropy"),
    "dim": (lambda: torch.softmax(W, dim=2), "softmax"),
    "type": (lambda: W @ torch.ones(4, 2, dtype=torch.float64), "matmul"),
    "leaf": (lambda: W.add_(1), "add_"),
}


# -- no gradient for a leaf -------------------------------------------------------------------------------------------
def by_detach(w: Any) -> Any:
    h = w * 3
    d = h.detach()
    return (d * d).sum()


def by_data(w: Any) -> Any:
    h = w * 3
    d = h.data
    return (d * w.detach().clone().requires_grad_()).sum()


def by_no_grad(w: Any) -> Any:
    with torch.no_grad():
        h = w * 3
    return (h * torch.ones(3, requires_grad=True)).sum()


def by_item(w: Any) -> Any:
    total = (w * 3).sum()
    number = total.item()
    return torch.tensor(1.5, requires_grad=True) * number


def by_numpy(w: Any) -> Any:
    h = w * 3
    array = h.detach().numpy() * 1.0
    return (torch.from_numpy(array) * torch.ones(3, requires_grad=True)).sum()


def by_shared_numpy(w: Any) -> Any:
    h = w * 3
    back = torch.from_numpy(h.detach().numpy())
    return (back * torch.ones(3, requires_grad=True)).sum()


def by_argmax(w: Any) -> Any:
    best = (w * 3).argmax()
    return best.float() * torch.tensor(2.0, requires_grad=True)


def by_comparing(w: Any) -> Any:
    high = (w * 3 > 2).float()
    return (high * torch.ones(3, requires_grad=True)).sum()


def by_list(w: Any) -> Any:
    values = (w * 3).tolist()
    return (torch.tensor(values) * torch.ones(3, requires_grad=True)).sum()


# name -> (program, how it is cut, the node before the cut, the line of it)
CUT = {
    "detach": (by_detach, ".detach()", "h", "d = h.detach()"),
    "data": (by_data, ".data", "h", "d = h.data"),
    "no_grad": (by_no_grad, "no_grad", "w", "h = w * 3"),
    "item": (by_item, ".item()", "total", "number = total.item()"),
    "numpy": (by_numpy, ".numpy()", "h", "array = h.detach().numpy() * 1.0"),
    "shared numpy": (by_shared_numpy, ".numpy()", "h", "back = torch.from_numpy(h.detach().numpy())"),
    "argmax": (by_argmax, "argmax", "mul", "best = (w * 3).argmax()"),
    "comparing": (by_comparing, "gt", "mul", "high = (w * 3 > 2).float()"),
    "list": (by_list, ".tolist()", "mul", "values = (w * 3).tolist()"),
}


# -- the first number that is none ------------------------------------------------------------------------------------
def log_negative() -> Any:
    x = vector(1.0, -2.0, 3.0)
    y = torch.log(x)
    return (y * 2).sum()


def zero_by_zero() -> Any:
    x = vector(0.0, 1.0)
    y = x / torch.tensor([0.0, 1.0])
    return y.sum()


def softmax_by_hand() -> Any:
    x = vector(1.0, 100.0, 2.0)
    e = torch.exp(x)
    return (e / e.sum())[1]


def root_of_negative() -> Any:
    x = vector(-4.0, 4.0)
    return torch.sqrt(x).sum()


def data_with_nan() -> Any:
    data = torch.tensor([1.0, float("nan")])
    return (data * vector(1.0, 2.0)).sum()


def too_large() -> Any:
    x = vector(1e30, 1.0)
    y = x * x
    return y.sum()


def root_at_zero() -> Any:
    x = vector(0.0, 4.0)
    y = torch.sqrt(x)
    return y.sum()


def masked_root() -> Any:
    x = vector(0.0, 4.0)
    y = torch.sqrt(x)
    return torch.where(x > 0, y, torch.zeros(2)).sum()


def norm_at_zero() -> Any:
    x = vector(0.0, 0.0)
    y = (x * x).sum()
    return torch.sqrt(y)


def power_at_zero() -> Any:
    x = vector(0.0, 4.0)
    y = x**0.5
    return y.sum()


# name -> (program, the node, NaN or inf, forward?, an input's value there)
NONFINITE = {
    "log": (log_negative, "y", "NaN", True, "x = -2"),
    "0/0": (zero_by_zero, "y", "NaN", True, "x = 0"),
    "softmax": (softmax_by_hand, "e", "inf", True, "x = 100"),
    "sqrt": (root_of_negative, "sqrt", "NaN", True, "x = -4"),
    "data": (data_with_nan, "data", "NaN", True, ""),
    "overflow": (too_large, "y", "inf", True, "x = 1e+30"),
    "sqrt back": (root_at_zero, "y", "inf", False, "x = 0"),
    "masked": (masked_root, "y", "NaN", False, "x = 0"),
    "norm": (norm_at_zero, "sqrt", "inf", False, "y = 0"),
    "power": (power_at_zero, "y", "inf", False, "x = 0"),
}
