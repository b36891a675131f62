"""The autograd graph behind a tensor as a list, walked without recursion: what make_dot draws.

Works on our tensors and on PyTorch's: it only touches grad_fn, next_functions, variable and the saved values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gradviz.viz.measure import clean


class Thing(NamedTuple):
    """A node of the picture: kind is fn, leaf, saved, output or base; lines are its label, attributes follow it."""

    kind: str
    lines: tuple[str, ...]


class Arrow(NamedTuple):
    """From one thing to another by number; style is "", "none" (no head) or "dotted"."""

    start: int
    end: int
    style: str


def fn_name(fn: Any) -> str:
    """`MulBackward0`: a node's name without its namespace."""
    named = getattr(fn, "name", None)
    text = named() if callable(named) else type(fn).__name__
    return clean(str(text).rpartition("::")[2])


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "requires_grad") and hasattr(value, "size") and hasattr(value, "grad_fn")


def size_text(tensor: Any) -> str:
    """`(2, 3)`, as torchviz writes shapes."""
    return "(" + ", ".join(str(n) for n in tensor.size()) + ")"


def saved_of(fn: Any) -> list[tuple[str, Any]]:
    """The `_saved_*` values of a node by name without the prefix; those freed already are left out."""
    found = []
    for name in dir(fn):
        if name.startswith("_saved_"):
            try:
                found.append((name.removeprefix("_saved_"), getattr(fn, name)))
            except (RuntimeError, AttributeError):
                continue
    return found


def _attribute_lines(fn: Any, most: int) -> list[str]:
    """`dim: 1` for each saved setting, each clipped to `most` characters; tensors are named by their type."""
    rows = []
    for name, value in saved_of(fn):
        if _is_tensor(value):
            text = "[saved tensor]"
        elif isinstance(value, list | tuple) and any(_is_tensor(v) for v in value):
            text = "[saved tensors]"
        else:
            text = clean(value)
        rows.append((name, text if len(text) <= most else text[: most - 3] + "..."))
    wide = max((len(name) for name, _ in rows), default=0)
    return [f"{name:<{wide}}: {text}" for name, text in rows]


class Walk:
    """Collects things and arrows; equal graphs give equal numbers, whatever their addresses."""

    def __init__(self, params: Mapping[str, Any] | None, attrs: bool, saved: bool, most: int) -> None:
        self.names = {id(v): clean(k) for k, v in dict(params or {}).items()}
        self.attrs, self.saved, self.most = attrs, saved, most
        self.things: list[Thing] = []
        self.arrows: list[Arrow] = []
        self.number: dict[int, int] = {}
        self._alive: list[Any] = []  # ids stay unique while the walk holds what they name

    def _add(self, key: Any, kind: str, lines: Iterable[str]) -> int:
        """The number of a thing, new or known."""
        if id(key) not in self.number:
            self.number[id(key)] = len(self.things)
            self.things.append(Thing(kind, tuple(lines)))
            self._alive.append(key)
        elif kind == "leaf" and self.things[self.number[id(key)]].kind == "saved":
            self.things[self.number[id(key)]] = Thing(kind, tuple(lines))
        return self.number[id(key)]

    def _tensor_lines(self, tensor: Any, name: str = "") -> tuple[str, ...]:
        return (self.names.get(id(tensor), name), size_text(tensor))

    def _saved_tensors(self, fn: Any, n: int) -> None:
        """What a node keeps: its `_saved_*` tensors, or a user's function's `saved_tensors`."""
        named = saved_of(fn)
        for name, value in named:
            several = isinstance(value, list | tuple)
            for i, tensor in enumerate(value if several else [value]):
                if _is_tensor(tensor):
                    label = f"{name}[{i}]" if several else name
                    self.arrows.append(Arrow(n, self._add(tensor, "saved", self._tensor_lines(tensor, label)), "none"))
        try:
            kept = () if named else getattr(fn, "saved_tensors", None) or ()
        except RuntimeError:  # freed
            kept = ()
        for tensor in kept:
            if _is_tensor(tensor):
                self.arrows.append(Arrow(self._add(tensor, "saved", self._tensor_lines(tensor)), n, "none"))

    def functions(self, fn: Any) -> None:
        """Everything that leads to one graph node."""
        stack = [fn]
        expanded: set[int] = set()
        while stack:
            fn = stack.pop()
            if id(fn) in expanded:
                continue
            expanded.add(id(fn))
            n = self._add(fn, "fn", self._fn_lines(fn))
            if self.saved:
                self._saved_tensors(fn, n)
            variable = getattr(fn, "variable", None)
            if variable is not None:
                self.arrows.append(Arrow(self._add(variable, "leaf", self._tensor_lines(variable)), n, ""))
            before = [u for u, _ in fn.next_functions if u is not None]
            for u in before:
                self.arrows.append(Arrow(self._add(u, "fn", self._fn_lines(u)), n, ""))
            stack.extend(reversed(before))

    def _fn_lines(self, fn: Any) -> list[str]:
        if not self.attrs:
            return [fn_name(fn)]
        return [fn_name(fn), *_attribute_lines(fn, self.most)]

    def tensor(self, var: Any, kind: str = "output") -> None:
        """A result, what made it, and what it is a view of."""
        while True:
            n = self._add(var, kind, self._tensor_lines(var))
            if var.grad_fn is not None:
                if id(var.grad_fn) not in self.number:
                    self.functions(var.grad_fn)
                self.arrows.append(Arrow(self.number[id(var.grad_fn)], n, ""))
            is_view = getattr(var, "_is_view", None)
            base = getattr(var, "_base", None) if is_view is not None and is_view() else None
            if base is None:
                return
            known = id(base) in self.number
            self.arrows.append(Arrow(self._add(base, "base", self._tensor_lines(base)), n, "dotted"))
            if known:
                return
            var, kind = base, "base"
