"""The call of an operation with settings, or of more than two inputs, written out as code when it is first made.

How many inputs there are, which settings, which inputs have a rule and what a node keeps: all of it is known from the
declaration. So each operation gets a function that looks none of it up, and leaves what is unusual to `dispatch.run`.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from . import events, inference
from .accelerator import NOTHING
from .clock import clock
from .mode import current_module, grad_mode
from .node import accumulator
from .operands import BFLOAT16
from .tensor import Tensor
from .written import kept_by_edges

# The names are no input or setting of any operation. `x0, x1, ...` are the inputs' arrays, `e0, e1, ...` their edges.
CALL = """
def written({parameters}):
    try:
        {arrays} = {loads}
        on = {first}.device
    except AttributeError:
        return {run}(op, tuple([each for each in {inputs} if each is not ABSENT]), {settings})
    if {unusual}:
        return {run}(op, {inputs}, {settings})
    try:
        {found} = on.forwards[{key!r}]({passed})
    except (ValueError, TypeError) as error:
        raise explained(op, {inputs}, error) from None
    if out.__class__ is not on.array_type:
        out = on.wrap(out)
    kind = out.dtype
    if {widened}:
        return {run}(op, {inputs}, {settings})
    result = new(Tensor)
    result._array = out
    result.device = on
    if ({wanted}) and grad_enabled() and {differentiable}:
        if node_type is None:
            prepare_node()
        {edges}
        node = node_type({named})
        node.parents = {parents}
        node.saved = {saved}
        node.device = on
        node.shape = out.shape
        node.dtype = kind
        node.push = push if kind.kind != "c" else None
        node.path = module_link()
        node.extra = node.claim = None
        node.seq = next(clock)
        result._edge = node
        result._needs = True
        if inference.ever:
            inference.refuse_saved(node.saved)
    else:
        result._edge = None
        result._needs = False
    {view}
    if events.watching:
        events.tell(events.Forward, (op, {inputs}, result, {settings}))
    return {returned}
"""
EDGE = "accumulator({x}) if {x}._edge is None else {x}._edge"
ABSENT = object()  # an input that was not given
SHARED: dict[str, Any] = {
    "Tensor": Tensor, "new": object.__new__, "events": events, "clock": clock, "accumulator": accumulator,
    "grad_enabled": grad_mode.get, "module_link": current_module.get, "inference": inference, "ABSENT": ABSENT,
    "NOTHING": NOTHING, "BFLOAT16": BFLOAT16,
}  # fmt: skip


def make(op: Any, helpers: dict[str, Any], *, with_aux: bool = False) -> Any:
    """A function that performs `op`; `with_aux`: that returns what is kept beside the result too, as Tensors.

    `helpers` are functions of dispatch.py: `run`, `run_with_aux`, `explained`, `mark_view`.
    """
    space: dict[str, Any] = {"__name__": __name__, **SHARED, **helpers, "op": op, "node_type": None, "push": None}
    call = FunctionType(_first.__code__, space, op.name)

    def write() -> Any:
        found: dict[str, Any] = {}  # one for each thread that may be here
        exec(compile(text(op, with_aux), f"<{op.name}>", "exec"), space, found)
        made = found["written"]
        call.__kwdefaults__, call.__defaults__ = made.__kwdefaults__, made.__defaults__
        call.__code__ = made.__code__.replace(co_name=op.name, co_qualname=op.name)
        return call

    def prepare_node() -> None:
        space["push"] = op.push
        fixed = isinstance(op.node, str)
        space["node_type"] = op.node_type({}) if fixed else lambda **named: op.named_node(op.node(**named))()

    space |= {"write": write, "prepare_node": prepare_node, "given": _given(op), "as_tensors": _as_tensors}
    return call


def _first(*inputs: Any, **settings: Any) -> Any:
    """The first call of an operation: from then on this function has the code that was written for it."""
    return write()(*inputs, **settings)  # type: ignore[name-defined]  # noqa: F821 (it is among the globals, see above)


def _given(op: Any) -> Any:
    """Settings as observers hear of them: without those that were left as they are by default."""
    defaults = op.forward.__kwdefaults__
    return lambda settings: {k: v for k, v in settings.items() if k not in defaults or v is not defaults[k]}


def _as_tensors(aux: dict[str, Any], device: Any) -> dict[str, Any]:
    return {name: Tensor._of(value, device) for name, value in aux.items()}


def text(op: Any, with_aux: bool = False) -> str:
    """The function of an operation as it is compiled."""
    names: tuple[str, ...] = ("input",) if len(op.inputs) == 1 else op.inputs  # the only one has PyTorch's name
    ruled = [i for i, has in enumerate(op.ruled) if has]
    defaults = op.forward.__kwdefaults__ or {}
    settings = "{" + ", ".join(f"{s!r}: {s}" for s in op.settings) + "}"
    parameters = [names[0], *(f"{n}=ABSENT" for n in names[1:]), *("*" for _ in op.settings[:1])]
    parameters += [f"{s}={defaults[s]!r}" if s in defaults else s for s in op.settings]
    arrays = [f"x{i}" for i in range(len(names))]
    unusual = [f"({n} is not None and {n}.device is not on)" for n in names[1:]]
    if op.promote is not None:  # there is nothing to convert where all are of one real type
        unusual += [*(f"({x} is None or {x}.dtype is not x0.dtype)" for x in arrays[1:]), "x0.dtype.kind != 'f'"]
    elif len(names) > 1 or op.aux:
        unusual.append("x0.dtype is BFLOAT16")
    wants = {i: f"{n}._needs" if i == 0 else f"{n} is not None and {n}._needs" for i, n in enumerate(names)}
    edges = {i: EDGE.format(x=names[i]) for i in ruled}
    if len(ruled) > 1:
        edges = {i: f"({edge}) if {wants[i]} else None" for i, edge in edges.items()}
    return CALL.format(
        parameters=", ".join(parameters),
        arrays=", ".join(arrays),
        loads=", ".join([f"{names[0]}._array", *(f"None if {n} is None else {n}._array" for n in names[1:])]),
        first=names[0],
        run="run_with_aux" if with_aux else "run",
        inputs=f"({', '.join(names)},)",
        settings=f"given({settings})" if defaults else settings,
        unusual=" or ".join(unusual) or "False",
        found="out, aux" if op.aux else "out",
        key=op.name + "!" if op.aux else op.name,
        passed=", ".join([*arrays, *(f"{s}={s}" for s in op.settings)]),
        widened="kind is not x0.dtype" if op.keeps else "False",
        wanted=" or ".join(f"({wants[i]})" for i in ruled) or "False",
        differentiable="(kind is x0.dtype or kind.kind not in 'biu')" if len(names) == 1 else "kind.kind not in 'biu'",
        edges="\n        ".join(f"e{i} = {edge}" for i, edge in edges.items()),
        named=", ".join(f"{s}={s}" for s in op.node_settings),
        parents=f"({', '.join(f'e{i}' if i in ruled else 'None' for i in range(len(names)))},)",
        saved=kept_by_edges(op, names),
        view=f"mark_view({names[0]}, result)" if op.view else "",
        returned="result, as_tensors(aux, on)" if with_aux else "result",
    )
