"""The rows of a module tree: what each module is, holds, and costs. gradviz's modules and PyTorch's alike.

A module that is used in two places has a row in each; the second says so, and its parameters are counted once. The same
holds for a parameter that two modules share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gradviz.nn.parameter import is_lazy
from gradviz.widgets.tensors.module_run import Call, Run, shape_text

MOST = 6000  # rows
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Row:
    """One place of a module in the tree."""

    def __init__(self, name: str, module: Any, parent: Row | None, at: int) -> None:
        self.name, self.module, self.parent, self.at = name, module, parent, at
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.path: str = name if parent is None or parent.parent is None else f"{parent.path}.{name}"
        self.kind = type(module).__name__
        self.children: list[Row] = []
        self.same: Row | None = None  # the place where this module was seen first
        self.calls: list[Call] = []
        self.params: list[dict[str, Any]] = []
        self.own = self.total = self.trainable = 0
        self.bytes = self.grads = self.buffers = self.flops = self.memory = 0
        self.counts = True
        self.ran = False
        self.lazy = False
        self.failed = False
        self.signature = 0

    @property
    def frozen(self) -> str:
        """Which of its parameters learn: "trainable", "frozen", "partly", or "" without any."""
        if not self.total:
            return ""
        return "trainable" if self.trainable == self.total else "partly" if self.trainable else "frozen"


def waits(value: Any) -> bool:
    """Whether a parameter or buffer has no shape yet."""
    return is_lazy(value) or type(value).__name__ in ("UninitializedParameter", "UninitializedBuffer")


def rows_of(model: Any, run: Run | None) -> tuple[list[Row], int]:
    """All rows, parents first, and how many were left out; with what a run has seen."""
    lazy = {id(m) for m in model.modules() if any(waits(p) for p in _own(m, "_parameters").values() if p is not None)}
    seen: dict[int, Row] = {}
    rows: list[Row] = []
    left_out = 0
    waiting = [Row(type(model).__name__, model, None, 0)]
    while waiting:
        row = waiting.pop()
        if len(rows) >= MOST:
            left_out += sum(1 for _ in row.module.modules())
            continue
        row.at = len(rows)
        rows.append(row)
        if row.parent is not None:
            row.parent.children.append(row)
        row.same = seen.setdefault(id(row.module), row)
        row.same = None if row.same is row else row.same
        row.lazy = id(row.module) in lazy
        if row.same is None:
            children = [
                Row(name, child, row, 0) for name, child in _own(row.module, "_modules").items() if child is not None
            ]
            waiting += reversed(children)
    twins = _twins(model, run)
    _parameters(rows, twins)
    if run is not None:
        _calls(rows, run, twins)
    _signatures(rows)
    return rows, left_out


def _own(module: Any, home: str) -> dict[str, Any]:
    found: dict[str, Any] = module.__dict__.get(home) or {}
    return found


def _twins(model: Any, run: Run | None) -> dict[int, Any]:
    """By id of a module, the one that ran in its place: a lazy module's copy has the shapes."""
    if run is None or run.model is model:
        return {id(module): module for module in model.modules()}
    pairs = zip(model.named_modules(), run.model.named_modules(), strict=False)
    return {id(module): twin for (name, module), (other, twin) in pairs if name == other}


def _parameters(rows: list[Row], twins: dict[int, Any]) -> None:
    """Counts, bytes, and a line for each parameter and buffer."""
    first: dict[int, str] = {}
    known: list[dict[int, Any]] = [{} for _ in rows]  # by row, the parameters in and under it
    for row in rows:
        if row.same is not None:
            continue
        stood_in = twins.get(id(row.module), row.module)
        if row.lazy:
            row.kind = (
                f"{row.kind}" if type(stood_in) is type(row.module) else f"{row.kind} → {type(stood_in).__name__}"
            )
        for home, buffer in (("_parameters", False), ("_buffers", True)):
            for name, value in _own(row.module, home).items():
                if value is None:
                    continue
                shaped = _own(stood_in, home).get(name, value) if waits(value) else value
                line = _line(name, value, shaped, buffer)
                path = f"{row.path}.{name}" if row.parent is not None else name
                line["shared"] = first.get(id(value), "")
                row.params.append(line)
                if buffer:
                    row.buffers += line["bytes"] if not line["shared"] else 0
                else:
                    known[row.at][id(value)] = line
                    row.own += line["count"]
                first.setdefault(id(value), path)
    for row in reversed(rows):
        if row.same is None:
            lines = known[row.at].values()
            row.total = sum(line["count"] for line in lines)
            row.trainable = sum(line["count"] for line in lines if line["learns"])
            row.bytes = sum(line["bytes"] for line in lines)
            row.grads = sum(line["grad"] for line in lines)
            if row.parent is not None:
                known[row.parent.at].update(known[row.at])
                row.parent.buffers += row.buffers
    for row in rows:
        if row.same is not None:  # told again, and counted at the first place
            for name in ("own", "total", "trainable", "bytes", "grads", "buffers"):
                setattr(row, name, getattr(row.same, name))


def _line(name: str, value: Any, shaped: Any, buffer: bool) -> dict[str, Any]:
    """A parameter or buffer."""
    made = {"name": name, "buffer": buffer, "learns": bool(value.requires_grad), "lazy": waits(value)}
    if waits(shaped):
        return {**made, "shape": "not yet", "count": 0, "bytes": 0, "grad": 0, "dtype": "", "device": ""}
    grad = None if waits(value) or not value.is_leaf else value.grad
    count, item = int(shaped.numel()), int(shaped.element_size())
    return {
        **made, "shape": shape_text(shaped.shape), "count": count, "bytes": count * item,
        "grad": 0 if grad is None else int(grad.numel()) * int(grad.element_size()),
        "dtype": str(shaped.dtype).removeprefix("torch."), "device": str(shaped.device),
    }  # fmt: skip


def _calls(rows: list[Row], run: Run, twins: dict[int, Any]) -> None:
    """What each place did: the calls of its module that came from above it."""
    for row in rows:
        calls = run.calls.get(id(twins.get(id(row.module))), [])
        above = {id(twins.get(id(up.module))) for up in _above(row)} or {0}
        row.calls = [call for call in calls if call.parent in above] or ([] if row.same else calls)
        row.counts = row.same is None or not {id(call) for call in row.calls} & {id(call) for call in row.same.calls}
        row.failed = id(twins.get(id(row.module))) == run.failed
    for row in reversed(rows):
        if not row.counts:  # its calls cannot be told from those at the first place, where they are counted
            continue
        row.flops = sum(call.flops for call in row.calls) if row.calls else sum(c.flops for c in row.children)
        own = sum(call.memory for call in row.calls)
        row.ran = bool(row.calls) or any(child.ran for child in row.children)
        inner = any(child.ran for child in row.children)  # attention calls no layer of its own: its output counts
        row.memory = sum(c.memory for c in row.children) if inner else own


def _above(row: Row) -> Iterator[Row]:
    up = row.parent
    while up is not None:
        yield up
        up = up.parent


def _signatures(rows: list[Row]) -> None:
    """A number for each kind of subtree: places with the same number look the same but for their names."""
    numbers: dict[Any, int] = {}
    for row in reversed(rows):
        lines = tuple(
            (p["name"], p["shape"], p["dtype"], p["learns"], p["grad"] > 0, bool(p["shared"])) for p in row.params
        )
        made = tuple((call.given, call.made, call.flops) for call in row.calls)
        below = tuple((child.name, child.signature) for child in row.children)
        key = (
            row.kind,
            extra(row.module),
            lines,
            made,
            below,
            row.module.training,
            row.same is None,
            row.failed,
            hooks(row.module),
        )
        row.signature = numbers.setdefault(key, len(numbers))


def extra(module: Any) -> str:
    """What the module says of itself; nothing if it cannot."""
    say: Callable[[], Any] | None = getattr(module, "extra_repr", None)
    try:
        return " ".join(str(say()).split()) if say is not None else ""
    except Exception:  # a learner's extra_repr that needs what is not there yet
        return ""


def hooks(module: Any) -> int:
    """How many hooks are on a module; a lazy one's own are not counted."""
    own = module.__dict__
    return sum(len(own.get(name) or ()) for name in HOOKS) - (1 if "_initialize_hook" in own else 0)


def kinds(row: Row) -> tuple[list[str], list[str]]:
    """The dtypes and devices of the parameters and buffers in and under a place, in order of appearance."""
    dtypes: dict[str, None] = {}
    devices: dict[str, None] = {}
    waiting = [row]
    while waiting:
        now = waiting.pop()
        for line in now.params:
            if line["dtype"] and not line["buffer"]:
                dtypes[line["dtype"]] = None
            if line["device"]:
                devices[line["device"]] = None
        waiting += reversed(now.children)
    return list(dtypes), list(devices)


def modes(row: Row) -> str:
    """`train`, `eval`, or `mixed` where something under it differs."""
    mine = bool(row.module.training)
    waiting = list(row.children)
    while waiting:
        now = waiting.pop()
        if bool(now.module.training) != mine:
            return "mixed"
        waiting += now.children
    return "train" if mine else "eval"
