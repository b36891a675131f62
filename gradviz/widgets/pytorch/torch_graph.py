"""Graphs of real PyTorch: a loss made by `torch` becomes the same record as one made by gradviz.

    GraphView(loss)                                 the graph behind a result, walked through grad_fn and next_functions
    BackpropStepper(loss)                           with the backward pass of PyTorch's own engine
    GraphView(net, x)                               run now: module paths, source lines and every value on the way

gradviz never imports PyTorch: it is looked for among the modules that are loaded already. The engine runs with
`torch.autograd.grad(..., retain_graph=True)` while hooks on the nodes listen; `.grad` of leaves and of results that
retain it, the graph and all hooks are as before afterwards. Hooks of the learner's own run, as they would.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.formula import formulas
from gradviz.core.op import OPS
from gradviz.core.summary import plain
from gradviz.widgets.pytorch.torch_names import TOLD, first_of, kept, node_name, op_for, plain_name, slots, sure
from gradviz.widgets.pytorch.torch_values import array_of, dtype_name, number_in, value_of

LEAF = "AccumulateGrad"


def library() -> Any:
    """The real PyTorch, if this program has loaded it (gradviz under the name `torch` is not it); else None."""
    found = sys.modules.get("torch")
    return found if found is not None and hasattr(found, "_C") and hasattr(found, "utils") else None


def is_torch(value: Any) -> bool:
    """Whether this is a tensor of PyTorch."""
    torch = library()
    return torch is not None and isinstance(value, torch.Tensor)


def is_torch_module(value: Any) -> bool:
    """Whether this is a module of PyTorch."""
    torch = library()
    return torch is not None and isinstance(value, torch.nn.Module)


class TorchRecording:
    """The record of a PyTorch graph: `nodes`, `steps`, `meta` as plain data (format gradviz.record/1)."""

    def __init__(self, walk: TorchWalk) -> None:
        self.nodes, self.steps = walk.nodes, walk.steps
        self.meta: dict[str, Any] = {"title": "", "library": "torch"}

    def __repr__(self) -> str:
        return f"TorchRecording({len(self.nodes)} nodes, {len(self.steps)} steps)"

    def to_json(self) -> dict[str, Any]:
        """The whole record as JSON-able data."""
        return {"format": "gradviz.record/1", "nodes": self.nodes, "steps": self.steps, "meta": self.meta}

    def replay(self, changes: Any = None) -> Any:
        """Only gradviz's own operations can be run again on other numbers."""
        raise TypeError(
            "a graph of PyTorch cannot be run again on other values\n"
            "Run the same code with `import gradviz as torch`, or compute the loss anew and make another view."
        )


class TorchWalk:
    """From a result back to its leaves; equal programs give equal records, whatever their addresses.

    Args: root: the result; names: {label: tensor}; run: what was heard while it was computed, if it was (torch_run).
    """

    def __init__(self, root: Any, names: Mapping[str, Any] | None = None, run: Any = None) -> None:
        self.root, self.run = root, run
        self.nodes: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self.by_edge: dict[tuple[Any, int], int] = {}  # graph node and output number -> ordinal
        self.leaves: dict[Any, Any] = {}  # AccumulateGrad -> leaf
        self.values: dict[tuple[Any, int], Any] = {}  # arrays, where something kept them
        self._names = {id(tensor): str(name) for name, tensor in (names or {}).items()}
        self._counts: dict[str, int] = {}
        self._consts: list[tuple[Any, int]] = []
        self._kept: dict[Any, dict[str, Any]] = {}
        self.order = self._functions()
        self._used: dict[Any, int] = {}  # how many results of a node are known by somebody
        for u, nr in [(u, nr) for fn in self.order for u, nr in fn.next_functions if u is not None]:
            self._used[u] = max(self._used.get(u, 1), nr + 1)
        self._collect()
        self._add_leaves()
        for fn in self.order:
            self._add(fn)
        if not self.nodes and root.requires_grad:
            self._leaf(root)
        self._forward_steps()

    def _functions(self) -> list[Any]:
        """Every node that leads to the root but the leaves' own, in the order in which they were made."""
        seen: dict[Any, None] = {}
        stack = [self.root.grad_fn] if self.root.grad_fn is not None else []
        while stack:
            fn = stack.pop()
            if fn in seen:
                continue
            seen[fn] = None
            stack.extend(u for u, _ in fn.next_functions if u is not None and u not in seen)
        ours = [fn for fn in seen if getattr(fn, "variable", None) is None]
        return _in_order(sorted(ours, key=lambda fn: int(fn._sequence_nr())))

    def _collect(self) -> None:
        """Values that nodes kept of their inputs and results, and those heard while it was computed."""
        if self.root.grad_fn is not None:
            self.values[self.root.grad_fn, self.root.output_nr] = array_of(self.root)
        for fn in self.order:
            op, by_number = op_for(fn)
            held = self._kept[fn] = {**TOLD.get(node_name(fn), {}), **kept(fn, op)}
            if _is_tensor(held.get("out")) and len(fn._input_metadata) == 1:
                self._note(fn, 0, held["out"])
            for slot, (u, nr) in zip(slots(fn, op, by_number), fn.next_functions, strict=True):
                if u is not None and _is_tensor(held.get(slot)) and getattr(u, "variable", None) is None:
                    self._note(u, nr, held[slot])
        for (fn, nr), (array, _, _) in (self.run.made if self.run is not None else {}).items():
            if array is not None:
                self.values[fn, nr] = array

    def _note(self, fn: Any, nr: int, tensor: Any) -> None:
        made = fn._input_metadata
        if nr < len(made) and tuple(made[nr].shape) == tuple(tensor.shape):
            self.values.setdefault((fn, nr), array_of(tensor))

    def _add_leaves(self) -> None:
        for fn in self.order:
            for u, _ in fn.next_functions:
                variable = getattr(u, "variable", None)
                if variable is not None and u not in self.leaves:
                    self.leaves[u] = variable
                    self.by_edge[u, 0] = self._leaf(variable)

    def _entry(self, **given: Any) -> dict[str, Any]:
        entry = {
            "n": len(self.nodes), "kind": "const", "op": None, "name": None, "label": "", "path": "", "module": None,
            "inputs": [], "settings": {}, "shape": [], "dtype": "", "requires_grad": False, "view": False,
            "inplace": False, "value": None, "forward": "", "rules": {}, "latex": None, "elementwise": False,
            "line": None, "output": 0, **given,
        }  # fmt: skip
        self.nodes.append(entry)
        return entry

    def _leaf(self, tensor: Any) -> int:
        kind = "leaf" if tensor.requires_grad and tensor.grad_fn is None else "const"
        label = self._names.get(id(tensor)) or self._count(kind, always=True)
        entry = self._entry(
            kind=kind, label=label, path=label.rpartition(".")[0], shape=list(tensor.shape),
            name=LEAF if kind == "leaf" else None, dtype=dtype_name(tensor.dtype), requires_grad=tensor.requires_grad,
            value=value_of(tensor),
        )  # fmt: skip
        return int(entry["n"])

    def _count(self, name: str, *, always: bool = False) -> str:
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return name if count == 1 and not always else f"{name}_{count}"

    def _constant(self, tensor: Any) -> int:
        """A tensor that was kept and leads to nothing: one node however often it was used."""
        for known, n in self._consts:
            if known is tensor or _same_memory(known, tensor):
                return n
        n = self._leaf(tensor)
        self._consts.append((tensor, n))
        return n

    # -- one operation -----------------------------------------------------------------------------------------
    def _add(self, fn: Any) -> None:
        op, by_number = op_for(fn)
        held, custom = self._kept[fn], getattr(fn, "_forward_cls", None)
        inputs = self._inputs(fn, op, by_number, held)
        wanted = [name for kind, name in getattr(op, "kept", ()) if kind == "setting"]
        settings = {name: held[name] for name in wanted if name in held}
        if len(fn._input_metadata) == 1 and (fn, 0) not in self.values:
            self._compute(fn, op, inputs, held)
        name = custom.__name__ if custom is not None else op.name if op is not None else plain_name(node_name(fn))
        names = ", ".join(given["slot"] for given in inputs)
        spoken = op or OPS.get(name)  # a write into a part of a tensor: its inputs have only numbers
        forward, rules = formulas(spoken) if spoken is not None else (f"{name}({names or '...'})", {})
        for nr, (shape, dtype) in enumerate(self._outputs(fn)):
            heard = self.run.of(fn, nr) if self.run is not None else {}
            entry = self._entry(
                kind="op", op=name, name=node_name(fn), label=self._count(name), inputs=inputs,
                settings={k: plain(v) for k, v in settings.items()}, shape=shape,
                dtype=dtype, requires_grad=True, view=bool(getattr(op, "view", False)),
                value=value_of(self.values.get((fn, nr))), forward=forward, rules=rules, output=nr,
                latex=getattr(op, "latex", None), elementwise=bool(getattr(op, "elementwise", False)), **heard,
            )  # fmt: skip
            self.by_edge[fn, nr] = entry["n"]

    def _outputs(self, fn: Any) -> list[tuple[list[int], str]]:
        """Shape and type of each result; of an operation without a derivative PyTorch says nothing of them."""
        made = [(list(m.shape), dtype_name(m.dtype)) for m in fn._input_metadata]
        return made + [([], "")] * (self._used.get(fn, 1) - len(made))

    def _inputs(self, fn: Any, op: Any, by_number: bool, held: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What the operation was given: results, leaves, constants that were kept; a blank where nobody kept it."""
        found: dict[str, dict[str, Any]] = {}
        named = slots(fn, op, by_number)
        several = held.get("tensors") if op is not None and op.variadic is not None else None
        for i, (slot, (u, nr)) in enumerate(zip(named, fn.next_functions, strict=True)):
            value = several[i] if isinstance(several, list | tuple) and i < len(several) else held.get(slot)
            found[slot] = {"slot": slot, "n": self.by_edge[u, nr]} if u is not None else self._other(fn, slot, value)
        for slot in first_of(op):
            if slot not in found:
                found[slot] = self._other(fn, slot, held.get(slot))
        return [found[slot] for slot in (*first_of(op), *(s for s in named if s not in first_of(op))) if slot in found]

    def _other(self, fn: Any, slot: str, value: Any) -> dict[str, Any]:
        if _is_tensor(value):
            number = number_in(value, fn._input_metadata[0].dtype if fn._input_metadata else None)
            return {"slot": slot, "n": self._constant(value)} if number is None else {"slot": slot, "value": number}
        if value is None or isinstance(value, list | tuple | dict):
            return {"slot": slot, "n": None}
        return {"slot": slot, "value": plain(value)}

    def _compute(self, fn: Any, op: Any, inputs: list[dict[str, Any]], held: Mapping[str, Any]) -> None:
        """Run gradviz's own forward where all it needs is known: nobody kept this result."""
        if op is None or op.variadic is not None or set(op.settings) - set(held) or not sure(fn, op):
            return
        edges = dict(zip(slots(fn, op, op_for(fn)[1]), fn.next_functions, strict=True))
        given = []
        for entry in inputs:
            u, nr = edges.get(entry["slot"], (None, 0))
            if "value" in entry:
                given.append(entry["value"])
            elif u is not None:
                given.append(array_of(self.leaves[u]) if u in self.leaves else self.values.get((u, nr)))
            else:
                given.append(next((array_of(t) for t, n in self._consts if n == entry["n"]), None))
        made = fn._input_metadata[0]
        if any(x is None for x in given) or len(given) != len(op.inputs):
            return
        try:
            with np.errstate(all="ignore"):
                result = CPU.forwards[op.name](*given, **{name: held[name] for name in op.settings})
        except Exception:
            return  # PyTorch keeps this setting in another form: the value stays unknown
        result = np.asarray(result) if not isinstance(result, tuple) else None
        if result is not None and result.shape == tuple(made.shape) and result.dtype.name == dtype_name(made.dtype):
            self.values[fn, 0] = result

    def _forward_steps(self) -> None:
        """The steps of the forward pass, modules entered and left among them where it was heard."""
        ordinals: dict[Any, list[int]] = {}
        for (fn, _), n in self.by_edge.items():
            if fn not in self.leaves:
                ordinals.setdefault(fn, []).append(n)
        for fn in self.order if self.run is None else self.run.order(self.order, self.steps):
            self.steps.extend({"kind": "forward", "n": n} for n in ordinals[fn])


def _is_tensor(value: Any) -> bool:
    return is_torch(value)


def _same_memory(a: Any, b: Any) -> bool:
    try:
        return bool(a.data_ptr() == b.data_ptr() != 0 and a.shape == b.shape and a.stride() == b.stride())
    except RuntimeError:  # no dense memory
        return False


def _in_order(functions: list[Any]) -> list[Any]:
    """The same order, but nothing before what it was made of: a node that has no derivative has no number either."""
    inside = set(functions)
    placed: dict[Any, None] = {}
    for start in functions:
        stack = [start]
        while stack:
            fn = stack[-1]
            wait = [u for u, _ in fn.next_functions if u in inside and u not in placed]
            if fn in placed or not wait:
                placed[stack.pop()] = None
            else:
                stack.extend(reversed(wait))
    return list(placed)
