"""Listening to real PyTorch: to a forward pass that is run now, and to the backward pass of its engine."""

from __future__ import annotations

import contextlib
import gc
import itertools
import linecache
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from gradviz.core.clock import short_name
from gradviz.widgets.pytorch.torch_graph import TorchWalk, is_torch, library
from gradviz.widgets.pytorch.torch_names import op_for, slots
from gradviz.widgets.pytorch.torch_values import array_of, value_of

KEEP = 1 << 18  # bytes of a result that are copied while listening; larger ones are looked at when they are drawn


class TorchRun:
    """What was heard of a forward pass: results by their graph node, where they were made and in which module."""

    def __init__(self) -> None:
        self.made: dict[tuple[Any, int], tuple[Any, Any, Any]] = {}  # (array, line, module)
        self.events: list[tuple[str, Any]] = []  # ("made", node), ("module_enter", (path, class)), ("module_exit", ...)
        self.heard = False
        self._modules: list[Any] = []

    def of(self, fn: Any, nr: int) -> dict[str, Any]:
        """The line and module of a result; of what ran inside one function call, those of the call."""
        found = self.made.get((fn, nr)) or self.made.get((fn, 0)) or self.inside.get(fn)
        if found is None:
            return {}
        path, module = found[2]
        return {"line": found[1], "path": path, "module": module}

    def order(self, functions: Sequence[Any], steps: list[dict[str, Any]]) -> Iterator[Any]:
        """The functions in turn; modules entered and left are added to the steps where they were."""
        waiting = list(functions)
        for kind, what in self.events:
            if kind != "made":
                steps.append({"kind": kind, "path": what[0], "module": what[1]})
                continue
            while waiting and what in self._known and _seq(waiting[0]) <= _seq(what):
                yield waiting.pop(0)
        yield from waiting

    def settle(self, functions: Sequence[Any]) -> None:
        """Give what ran inside one function call the line and module of that call."""
        self._known = set(functions)
        self.inside: dict[Any, Any] = {}
        calls = sorted(((fn, entry) for (fn, _), entry in self.made.items()), key=lambda call: _seq(call[0]))
        at = 0
        for fn in sorted(functions, key=_seq):
            while at < len(calls) and _seq(calls[at][0]) < _seq(fn):
                at += 1
            if at < len(calls):
                self.inside[fn] = calls[at][1]

    @contextlib.contextmanager
    def listen(self) -> Iterator[TorchRun]:
        """Hear every function of PyTorch that runs inside. No hook of any module is left behind."""
        torch = library()
        run = self

        class Mode(torch.overrides.TorchFunctionMode):  # type: ignore[misc,name-defined]
            def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                result = func(*args, **(kwargs or {}))
                run._hear(result)
                return result

        hooks = torch.nn.modules.module
        before = hooks.register_module_forward_pre_hook(self._enter)
        after = hooks.register_module_forward_hook(self._exit, always_call=True)
        try:
            with Mode():
                yield self
        finally:
            before.remove()
            after.remove()

    def _hear(self, result: Any) -> None:
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if not is_torch(tensor):
                continue
            self.heard = True
            fn = tensor.grad_fn
            if fn is None or (fn, tensor.output_nr) in self.made:
                continue
            array = array_of(tensor) if tensor.numel() * tensor.element_size() <= KEEP else None
            line, module = _line(), self._path()
            self.made[fn, tensor.output_nr] = (None if array is None else array.copy(), line, module)
            self.events.append(("made", fn))

    def _enter(self, module: Any, inputs: Any) -> None:
        self._modules.append(module)
        self.events.append(("module_enter", self._path()))

    def _exit(self, module: Any, inputs: Any, output: Any) -> None:
        self.events.append(("module_exit", self._path()))
        if self._modules:
            self._modules.pop()

    def _path(self) -> tuple[str, str | None]:
        """The dotted path of the running module below the outermost one, and its class."""
        if not self._modules:
            return "", None
        names = []
        for outer, inner in itertools.pairwise(self._modules):
            named = itertools.chain(outer._modules.items(), outer.named_modules())
            names.append(next((name for name, m in named if m is inner), type(inner).__name__))
        return ".".join(n for n in names if n), type(self._modules[-1]).__name__


def _seq(fn: Any) -> int:
    return int(fn._sequence_nr())


def _line() -> dict[str, Any] | None:
    """The innermost line that is neither PyTorch's nor ours."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in ("torch", "gradviz"):
            text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
            return {"file": short_name(frame.f_code.co_filename), "lineno": frame.f_lineno, "text": text[:200]}
        frame = frame.f_back
    return None


# -- the way back ------------------------------------------------------------------------------------------------
class TorchBackward:
    """Hooks on every node of a walk, which write down what the engine sends where."""

    def __init__(self, walk: TorchWalk) -> None:
        self.walk = walk
        self.partial: dict[int, tuple[Any, int]] = {}
        self.expected: dict[int, int] = {}
        for fn in walk.order:
            for edge in fn.next_functions:
                if edge[0] is not None:
                    n = walk.by_edge[edge]
                    self.expected[n] = self.expected.get(n, 0) + 1

    def run(self, gradient: Any = None) -> None:
        """Add the steps of the backward pass from a gradient; everything of the learner's is as before afterwards."""
        torch, walk = library(), self.walk
        root, given = walk.root, None if gradient is None else [gradient]
        if root.grad_fn is None:
            self._alone(*torch.autograd.grad([root], [root], given))
            return
        start = walk.by_edge[root.grad_fn, root.output_nr]
        walk.steps.append({"kind": "backward_begin", "root": start})
        handles = [fn.register_hook(self._hook(fn)) for fn in walk.order]
        inside = set(walk.order)
        retaining = [
            (t, t._grad) for t in gc.get_objects()
            if issubclass(type(t), torch.Tensor) and t.grad_fn is not None and t.retains_grad and t.grad_fn in inside
        ]  # fmt: skip
        try:
            torch.autograd.grad([root], list(walk.leaves.values()), given, retain_graph=True, allow_unused=True)
        finally:
            for handle in handles:
                handle.remove()
            for tensor, grad in retaining:
                tensor.grad = grad
        walk.steps.append({"kind": "backward_end"})

    def _alone(self, gradient: Any) -> None:
        """The loss is a leaf itself."""
        self.walk.steps.append({"kind": "backward_begin", "root": 0})
        self._accumulate(self.walk.root, 0, gradient)
        self.walk.steps.append({"kind": "backward_end"})

    def _hook(self, fn: Any) -> Any:
        op, by_number = op_for(fn)
        named = slots(fn, op, by_number)
        frees = any(name.startswith("_saved_") for name in dir(fn)) or bool(getattr(fn, "to_save", None))

        def hear(products: Any, arrived: Any) -> None:
            nr, grad = next(((i, g) for i, g in enumerate(arrived) if g is not None), (0, None))
            if grad is None:
                grad = library().zeros(fn._input_metadata[0].shape, dtype=fn._input_metadata[0].dtype)
            local = self._local(fn, op, grad)
            messages, done = [], []
            for i, edge in enumerate(fn.next_functions):
                product = products[i] if i < len(products) else None
                if edge[0] is None or product is None:
                    continue
                slot, n = named[i], self.walk.by_edge[edge]
                product = self._fitted(edge, product.detach())
                before, k = self.partial.get(n, (None, 0))
                total = product if before is None else before + product
                self.partial[n] = (total, k + 1)
                sent = value_of(product)
                of = max(self.expected.get(n, 1), k + 1)
                messages.append({
                    "to": n, "slot": slot, "local": local.get(i), "product": sent,
                    "sum": sent if before is None else value_of(total), "k": k + 1, "of": of,
                })  # fmt: skip
                if k + 1 == of and edge[0] in self.walk.leaves:
                    done.append((self.walk.leaves[edge[0]], n, total))
            n = self.walk.by_edge[fn, nr]
            self.walk.steps.append(
                {"kind": "backward", "n": n, "grad": value_of(grad), "messages": messages, "frees": frees}
            )
            for leaf, n, total in done:
                self._accumulate(leaf, n, total)

        return hear

    def _fitted(self, edge: tuple[Any, int], product: Any) -> Any:
        """As the engine does after the hooks: summed over what was broadcast, in the type of the input."""
        u, nr = edge
        leaf = self.walk.leaves.get(u)
        wanted = leaf if leaf is not None else u._input_metadata[nr]
        if product.shape != wanted.shape:
            product = product.sum_to_size(wanted.shape)
        return product.to(wanted.dtype) if product.dtype != wanted.dtype else product

    def _local(self, fn: Any, op: Any, grad: Any) -> dict[int, Any]:
        """The local derivatives of a pointwise operation: its rule at an upstream gradient of ones."""
        if op is None or not op.elementwise or not callable(fn):
            return {}
        torch = library()
        with torch.no_grad():
            found = fn(torch.ones_like(grad))
        return {i: value_of(g) for i, g in enumerate(found if isinstance(found, tuple) else (found,)) if g is not None}

    def _accumulate(self, leaf: Any, n: int, total: Any) -> None:
        before = leaf.grad
        after = total if before is None else before.detach() + total
        self.walk.steps.append({
            "kind": "accumulate", "n": n, "before": None if before is None else value_of(before),
            "after": value_of(after),
        })  # fmt: skip
