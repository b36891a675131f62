"""What gradviz calls the steps of a PyTorch graph: both name their nodes alike, so a name says which operation it is.

`MulBackward0` is `mul` with inputs `a` and `b`; what PyTorch kept as `_saved_self` is what our rules call `a`.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from gradviz.core.formula import inputs_of
from gradviz.core.op import OPS, camel

HUGE = 1 << 63  # PyTorch shows a kept dim of -1 as 2**64 - 1
# Settings that PyTorch keeps nothing of, because the node's name says them.
TOLD = {f"{name}Backward0": {"dim": None, "keepdim": False} for name in ("Sum", "Mean", "Prod")}
BLOCK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def node_name(fn: Any) -> str:
    """`MulBackward0`, or `torch::autograd::CopySlices`."""
    return str(fn.name())


@functools.cache
def _table() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Operations by the name of their node, by that of their form with a number, and by the name without its digit."""
    exact: dict[str, Any] = {}
    number: dict[str, Any] = {}
    base: dict[str, Any] = {}
    for op in OPS.values():
        if isinstance(op.node, str):
            exact.setdefault(op.node, op)
        if op.number_node is not None:
            number.setdefault(op.number_node, op)
        base.setdefault(camel(op.name), op)
    return exact, number, base


@functools.cache
def op_of(name: str) -> tuple[Any, bool]:
    """The gradviz operation behind a node of this name, and whether it is its form with a number; None if unknown."""
    exact, number, base = _table()
    if name in exact:
        return exact[name], False
    if name in number:
        return number[name], True
    return base.get(re.sub(r"Backward\d*$", "", name)), False


def op_for(fn: Any) -> tuple[Any, bool]:
    """`op_of` a node, where it has as many inputs as ours; a convolution is told by what it kept and by its shape."""
    name = node_name(fn)
    if name != "ConvolutionBackward0":
        op, by_number = op_of(name)
        ruled = 0 if op is None else sum(op.ruled) - by_number
        fits = op is None or op.variadic is not None or ruled == len(fn.next_functions)
        return (op, by_number) if fits else (None, False)
    rank = len(fn._input_metadata[0].shape) - 2
    return OPS.get(f"conv{'_transpose' * bool(fn._saved_transposed)}{rank}d"), False


def sure(fn: Any, op: Any) -> bool:
    """Whether gradviz's forward of the operation makes what PyTorch's made: nothing but its inputs decides on it."""
    return node_name(fn) in TOLD or (node_name(fn) in _table()[0] and not op.settings)


def plain_name(name: str) -> str:
    """What a step is called that gradviz does not know: `MkldnnRnnLayerBackward0` is `mkldnn_rnn_layer`."""
    short = re.sub(r"Backward\d*$", "", name.rpartition("::")[2]) or name
    return BLOCK.sub("_", short).lower()


def slots(fn: Any, op: Any, by_number: bool) -> list[str]:
    """What each of the node's next functions is called: the input it leads to."""
    count = len(fn.next_functions)
    if op is not None and op.variadic is None:
        ruled = [x for x, rule in zip(op.inputs, op.ruled, strict=True) if rule]
        if by_number:
            ruled = ruled[:-1]
        if len(ruled) >= count:
            return ruled[:count]
    return _given(fn, count) or [str(i) for i in range(count)]


def _given(fn: Any, count: int) -> list[str]:
    """Of a user's Function: the names of its forward's arguments that are tensors."""
    owner = getattr(fn, "_forward_cls", None)
    if owner is None:
        return []
    function = getattr(owner, "forward", None)
    code = getattr(function, "__code__", None)
    if code is None:
        return []
    apart = getattr(owner, "setup_context", None) is not None and not _inherited(owner)
    names = code.co_varnames[0 if apart else 1 : code.co_argcount]
    wanted = list(getattr(fn, "needs_input_grad", ()))
    if len(wanted) == count and len(names) >= count:
        return list(names[:count])
    reached = [i for i, need in enumerate(wanted) if need]
    linked = [i for i, (u, _) in enumerate(fn.next_functions) if u is not None]
    if len(reached) != len(linked) or (reached and reached[-1] >= len(names)):
        return []
    found = [str(i) for i in range(count)]
    for place, i in zip(linked, reached, strict=True):
        found[place] = names[i]
    return found


def _inherited(owner: type) -> bool:
    """Whether `setup_context` is PyTorch's own, which does nothing: then `forward` is given a ctx."""
    holder = next(kind for kind in owner.__mro__ if "setup_context" in vars(kind))
    return holder.__module__.partition(".")[0] == "torch"


def kept(fn: Any, op: Any) -> dict[str, Any]:
    """What a node kept, by gradviz's names for it; what is freed or was overwritten is left out."""
    found: dict[str, Any] = {}
    named = {theirs: ours for ours, theirs in (op.saved_names.items() if op is not None else ())}
    if op is not None:
        named = {_default(op, x): x for x in (*op.inputs, *op.settings)} | named
    for attribute in dir(fn):
        if not attribute.startswith("_saved_"):
            continue
        theirs = attribute.removeprefix("_saved_")
        try:
            value = getattr(fn, attribute)
        except (RuntimeError, AttributeError):
            continue
        ours = named.get(theirs, "out" if theirs == "result" else theirs)
        found[ours] = value - 2 * HUGE if type(value) is int and value >= HUGE else value
    return found


def _default(op: Any, name: str) -> str:
    """PyTorch calls its first tensor `self` and its second `other`."""
    if name == "x" or (name == "a" and op.inputs[:1] == ("a",)):
        return "self"
    return "other" if name == "b" else name


def first_of(op: Any) -> tuple[str, ...]:
    """The inputs of an operation in order, those without a rule among them; nothing where they only have numbers."""
    return inputs_of(op) if op is not None else ()
