"""FlopCounterMode: counts the floating-point operations of matrix products, convolutions and attention, by module.

    with FlopCounterMode() as counter:
        model(x).sum().backward()          # a table is printed at the end

A multiplication and its addition are two operations. The formulas are PyTorch's; attention counts as on a GPU, where
PyTorch has a formula for it (its CPU kernel counts as nothing there).
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any, Self
from weakref import WeakKeyDictionary

from gradviz.core import events
from gradviz.core.tensor import Tensor

__all__ = ["FlopCounterMode", "register_flop_formula"]

Shape = Sequence[int]
Formula = Callable[..., int]
UNITS = ("", "K", "M", "B", "T")


def mm_flop(a_shape: Shape, b_shape: Shape, *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """Operations of a product of two matrices: 2 m k n."""
    (m, k), (inner, n) = a_shape, b_shape
    if k != inner:
        raise AssertionError(f"matmul: inner dimensions must match (k == k2), got {k} and {inner}")
    return 2 * m * k * n


def addmm_flop(self_shape: Shape, a_shape: Shape, b_shape: Shape, out_shape: Any = None, **kwargs: Any) -> int:
    """Operations of a product with something added, which does not count."""
    return mm_flop(a_shape, b_shape)


def bmm_flop(a_shape: Shape, b_shape: Shape, out_shape: Any = None, **kwargs: Any) -> int:
    """Operations of a batch of products."""
    if a_shape[0] != b_shape[0]:
        raise AssertionError(f"bmm: batch dimensions must match (b == b2), got {a_shape[0]} and {b_shape[0]}")
    return a_shape[0] * mm_flop(a_shape[1:], b_shape[1:])


def baddbmm_flop(self_shape: Shape, a_shape: Shape, b_shape: Shape, out_shape: Any = None, **kwargs: Any) -> int:
    """Operations of a batch of products with something added."""
    return bmm_flop(a_shape, b_shape)


def conv_flop_count(x_shape: Shape, w_shape: Shape, out_shape: Shape, transposed: bool = False) -> int:
    """Operations of a convolution: the filters at every place of the output, or of the input where it is transposed."""
    places = x_shape[2:] if transposed else out_shape[2:]
    return 2 * prod(places) * prod(w_shape) * x_shape[0]


def conv_flop(x_shape: Shape, w_shape: Shape, *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """Operations of a convolution; only a transposed one has an `output_padding`."""
    return conv_flop_count(x_shape, w_shape, out_shape, transposed="output_padding" in kwargs)


def sdpa_flop_count(query_shape: Shape, key_shape: Shape, value_shape: Shape) -> int:
    """Operations of attention: queries with keys, and the weights with values."""
    *batch, queries, depth = query_shape
    keys = key_shape[-2]
    return prod(batch) * (2 * queries * depth * keys + 2 * queries * keys * value_shape[-1])


def sdpa_flop(
    query_shape: Shape, key_shape: Shape, value_shape: Shape, *args: Any, out_shape: Any = None, **kw: Any
) -> int:
    """Operations of attention, whether or not some of it is masked."""
    return sdpa_flop_count(query_shape, key_shape, value_shape)


def sdpa_backward_flop_count(grad_out_shape: Shape, query_shape: Shape, key_shape: Shape, value_shape: Shape) -> int:
    """Operations of the gradient of attention: the weights once more, and two products for each of the forward's."""
    forward = sdpa_flop_count(query_shape, key_shape, value_shape)
    *batch, queries, depth = query_shape
    return 2 * forward + prod(batch) * 2 * queries * depth * key_shape[-2]


# PyTorch's name of an operation -> its operations.
flop_registry: dict[str, Formula] = {
    "aten.mm": mm_flop,
    "aten.addmm": addmm_flop,
    "aten.bmm": bmm_flop,
    "aten.baddbmm": baddbmm_flop,
    "aten.convolution": conv_flop,
    "aten._scaled_dot_product_flash_attention": sdpa_flop,
}
CONVOLUTIONS = tuple(f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3))
# gradviz's name -> PyTorch's, where they differ.
_TORCHS = dict.fromkeys(CONVOLUTIONS, "aten.convolution") | {"attention": "aten._scaled_dot_product_flash_attention"}


def register_flop_formula(targets: str | Iterable[str], get_raw: bool = False) -> Callable[[Formula], Formula]:
    """Lets counters count the operation of this name (`"aten.softmax"`) by the decorated function.

    It gets the shapes of the inputs, the settings by name and `out_shape`; with `get_raw` the tensors and `out_val`.
    """

    def register(formula: Formula) -> Formula:
        for target in (targets,) if isinstance(targets, str) else targets:
            if not isinstance(target, str):
                raise ValueError(
                    "register_flop_formula(targets): expected each target to be the name of an operation, such as "
                    f"'aten.softmax', got {target!r:.80} which is of type {type(target)}"
                )
            if target in flop_registry:
                raise RuntimeError(f"duplicate registrations for {target}")
            flop_registry[target] = formula
        formula._get_raw = get_raw  # type: ignore[attr-defined]
        return formula

    return register


def _pair_backward(name: str, input: str, shapes: list[Any], grad: Shape) -> tuple[str, int]:
    """One product for each of the two factors that wants a gradient; none for what is added."""
    first, second = shapes[-2:]
    batched = len(first) == 3
    count = 0 if input == "x" else 2 * prod(first) * second[-1]
    return ("aten.bmm" if batched else "aten.mm"), count


def _conv_backward(name: str, input: str, shapes: list[Any], grad: Shape) -> tuple[str, int]:
    """A convolution of the gradient with the filters, and one of the input with the gradient."""
    x, w = shapes[:2]
    places = prod(x[2:] if "transpose" in name else grad[2:])
    count = {"x": prod(w) * grad[0], "w": prod(w[2:]) * x[0] * x[1] * grad[1]}.get(input, 0)
    return "aten.convolution_backward", 2 * places * count


# gradviz's name -> the gradient of one of its inputs: PyTorch's name of what computes it, and the operations.
_BACKWARD: dict[str, Callable[[str, str, list[Any], Shape], tuple[str, int]]] = {
    **dict.fromkeys(("mm", "bmm", "addmm", "baddbmm", "addbmm"), _pair_backward),
    **dict.fromkeys(CONVOLUTIONS, _conv_backward),
    "attention": lambda name, input, shapes, grad: (
        "aten._scaled_dot_product_flash_attention_backward",
        sdpa_backward_flop_count(grad, *shapes[:3]) if input == "q" else 0,
    ),
}


class FlopCounterMode:
    """Counts operations inside a `with` block, forward and backward, in all and by module.

    Args:
        mods: not needed
        depth: how deep modules are shown in the table
        display: whether the table is printed at the end
        custom_mapping: formulas of further operations by name, as `register_flop_formula` takes them

    https://docs.pytorch.org/docs/2.13/torch.utils.html
    """

    def __init__(
        self,
        mods: Any = None,
        depth: int = 2,
        display: bool = True,
        custom_mapping: dict[str, Formula] | None = None,
    ) -> None:
        if mods is not None:
            warnings.warn("mods argument is not needed anymore, you can stop passing it", stacklevel=2)
        self.flop_counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.depth, self.display = depth, display
        self.flop_registry = {**flop_registry, **(custom_mapping or {})}
        self._names: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._parents = ["Global"]
        self._made: dict[int, tuple[tuple[str, ...], list[Any]]] = {}  # by node: modules it ran in, shapes of inputs
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        self.flop_counts.clear()
        self._made.clear()
        self._error = None
        self._watch = events.observe(self._hear)
        self._watch.__enter__()
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        self._watch.__exit__(None, None, None)
        self._parents = ["Global"]
        if kind is None and self._error is not None:
            raise self._error
        if self.display:
            print(self.get_table(self.depth))

    def get_total_flops(self) -> int:
        """All operations."""
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """Operations by module, and in each by operation."""
        return {name: dict(counts) for name, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as text."""
        depth = depth if depth is not None else self.depth if self.depth is not None else 999_999
        total = self.get_total_flops()
        unit = max(0, min(len(UNITS) - 1, (len(str(total)) - 2) // 3))

        def lines(name: str, indent: int) -> list[tuple[str, str, str]]:
            counts = self.flop_counts[name]
            told = [(name, sum(counts.values())), *((f" - {op}", n) for op, n in counts.items())]
            return [(" " * indent + text, _number(n, unit), _percent(n, total)) for text, n in told]

        modules = [name for name in sorted(self.flop_counts) if name != "Global" and name.count(".") + 1 <= depth]
        rows = [line for name in modules for line in lines(name, name.count("."))]
        if total and not any(sum(self.flop_counts[name].values()) >= total for name in modules):
            rows = [*lines("Global", 0), *((f" {text}", n, share) for text, n, share in rows)]
        return _table([("Module", "FLOP", "% Total"), *(rows or [("Global", "0", "0%")])])

    def _hear(self, event: Any) -> None:
        try:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)
        except Exception as error:  # of a formula: raised when the block ends
            self._error = self._error or error

    def _enter(self, event: events.ModuleEnter) -> None:
        module = event.module
        root = self._names.setdefault(module, type(module).__name__)
        for name, child in module.named_modules():
            if name and child not in self._names:
                self._names[child] = f"{root}.{name}"
        self._parents.append(root)

    def _exit(self, event: events.ModuleExit) -> None:
        self._parents.pop()

    def _forward(self, event: events.Forward) -> None:
        name = event.op.name
        target = _TORCHS.get(name, f"aten.{name}")
        target = target if target in self.flop_registry else name
        adjoint = name.endswith(("_input", "_weight")) and name.startswith("conv")
        if target not in self.flop_registry and name not in _BACKWARD and not adjoint:
            return
        output = event.output[0] if isinstance(event.output, tuple) else event.output
        shapes = [_shape(value) for value in event.inputs]
        if adjoint:  # a gradient that is itself recorded: create_graph=True
            self._count(self._parents, "aten.convolution_backward", _adjoint(name, shapes, event.settings))
            return
        if output.grad_fn is not None and name in _BACKWARD:
            self._made[output.grad_fn.seq] = tuple(self._parents), shapes
        formula = self.flop_registry.get(target)
        if formula is None:
            return
        if getattr(formula, "_get_raw", False):
            count = formula(*event.inputs, **event.settings, out_val=event.output)
        else:
            count = formula(*shapes, **event.settings, out_shape=_shape(output))
        self._count(self._parents, target, count)

    def _backward(self, event: events.BackwardStep) -> None:
        made = self._made.get(event.node.seq)
        if made is None or event.session.create_graph:
            return
        name = event.node.op.name
        for _, input, _ in event.messages:
            target, count = _BACKWARD[name](name, input, made[1], tuple(event.grad.shape))
            if count:
                self._count(made[0], target, count)

    def _count(self, parents: Iterable[str], target: str, count: int) -> None:
        for parent in set(parents):
            self.flop_counts[parent][target] += count


_HANDLERS: dict[type, Callable[[FlopCounterMode, Any], None]] = {
    events.ModuleEnter: FlopCounterMode._enter,
    events.ModuleExit: FlopCounterMode._exit,
    events.Forward: FlopCounterMode._forward,
    events.BackwardStep: FlopCounterMode._backward,
}


def _shape(value: Any) -> Any:
    return tuple(value.shape) if isinstance(value, Tensor) else value


def _adjoint(name: str, shapes: list[Any], settings: dict[str, Any]) -> int:
    """Operations of a convolution's gradient, from the shapes of the output's gradient and of the other input."""
    grad, other = shapes[:2]
    x, w = (settings["shape"], other) if name.endswith("_input") else (other, settings["shape"])
    return _conv_backward(name, "x" if name.endswith("_input") else "w", [x, w], grad)[1]


def _number(count: int, unit: int) -> str:
    return f"{count / 1000**unit:.3f}{UNITS[unit]}" if unit else str(count)


def _percent(count: int, total: int) -> str:
    return f"{count / total:.2%}" if total else "0%"


def _table(rows: list[tuple[str, str, str]]) -> str:
    """Columns below their titles and a rule: the first to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    widths = [max(width, len(title) + 2) for width, title in zip(widths, rows[0], strict=True)]
    rule = tuple("-" * width for width in widths)
    lines = [rows[0], rule, *rows[1:]]
    return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in lines)
