"""What an operation does, written out as code and compiled when it is first needed.

Which arguments a rule takes, and where its node keeps them, is known from its declaration. So nothing is looked up
while a program runs: each operation has functions without loops that pick exactly what its rules name.

    pull    (F, g, saved, parents) -> gradients         the rules alone, for whoever wants their results
    push    (node, g, freed)                            the same, and each gradient added to what its edge has received
    save    (inputs..., out, settings, aux) -> kept     what the node keeps for the inputs that want a gradient
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

import numpy as np

from . import messages
from .accelerator import loop
from .node import AccumulateGrad

Rule = Callable[..., Any]
SINGLE = np.dtype(np.float32)


def signature(function: Rule) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
    """Names of a plain function's positional parameters, keyword-only ones, and its *args."""
    code: CodeType = function.__code__
    names = code.co_varnames
    count, only = code.co_argcount, code.co_kwonlyargcount
    variadic = names[count + only] if code.co_flags & 0x04 else None
    return names[:count], names[count : count + only], variadic


# -- functions that are one call of something faster ---------------------------------------------------------------
_SAME = lambda g: g  # noqa: E731 (a rule that passes its gradient on)
_OPERATORS = {
    f.__code__.co_code: same
    for f, same in (
        (lambda a, b: a + b, operator.add),
        (lambda a, b: a - b, operator.sub),
        (lambda a, b: a * b, operator.mul),
        (lambda a, b: a / b, operator.truediv),
    )
}
_NUMPY = {operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply, operator.truediv: np.true_divide}
_NEGATIVE = (lambda x: -x).__code__.co_code
_LIBRARY = {(lambda xp, x: xp.exp(x)).__code__.co_code, (lambda xp, a, b: xp.fmax(a, b)).__code__.co_code}


def plain_operator(function: Rule) -> Rule:
    """`lambda a, b: a * b` as the built-in that does the same without a Python frame; others as they are."""
    code: CodeType = function.__code__
    plain = code.co_argcount == 2 and not (code.co_kwonlyargcount or code.co_names)
    return _OPERATORS.get(code.co_code, function) if plain else function


def numpy_function(function: Rule) -> Any:
    """The function of NumPy that is all of `lambda a, b: a * b`, `lambda x: -x`, `lambda xp, x: xp.exp(x)`; or None."""
    code: CodeType = function.__code__
    if code.co_kwonlyargcount:
        return None
    if code.co_code in _LIBRARY and len(code.co_names) == 1:
        found = getattr(np, code.co_names[0], None)
        return found if isinstance(found, np.ufunc) else None
    if code.co_code == _NEGATIVE and not code.co_names:
        return np.negative
    return _NUMPY.get(plain_operator(function))


# -- the rules ------------------------------------------------------------------------------------------------------
def puller(op: Any, *, raw: bool) -> Rule:
    """`(F, g, saved, parents) -> gradients`, one per input, None where no gradient is wanted or there is no rule.

    For mul: `lambda F, g, s, p: (None if p[0] is None else a(g, s[1]), None if p[1] is None else b(g, s[0]))`.
    """
    space: dict[str, Any] = {"__name__": __name__}
    if op.variadic:
        body = f"[None if e is None else {_call(op, 0, space, raw)} for i, e in enumerate(p)]"
    else:
        each = (f"None if p[{i}] is None else {_call(op, i, space, raw)}" for i in range(len(op.inputs)))
        body = f"({', '.join(each)},)"
    made: Rule = eval(f"lambda F, g, s, p: {body}", space)
    return made


def _call(op: Any, i: int, space: dict[str, Any], raw: bool) -> str:
    """The rule of one input as it is called; its function goes into the space that the code will run in."""
    rule = op.rules.get(op.inputs[i])
    if rule is None:
        return "None"
    positional, keywords, _ = signature(rule)
    arguments = [_pick(op, p, raw) for p in positional] + [f"{k}={_pick(op, k, raw)}" for k in keywords]
    rule = space[f"rule{i}"] = plain_operator(rule)
    if arguments == ["g"] and rule.__code__.co_code == _SAME.__code__.co_code:
        return "g"
    return f"rule{i}({', '.join(arguments)})"


def _pick(op: Any, name: str, raw: bool) -> str:
    """Where a value that a rule names is found."""
    if name in ("F", "g", "i"):
        return name
    kind, _ = op.kept[op.slots[name]]
    value = f"s[{op.slots[name]}]"
    if raw and kind == "input":
        return f"[t._array for t in {value}]" if op.variadic else f"{value}._array"
    return value


def saver(op: Any, mask: int) -> Rule:
    """`(inputs..., out, settings, aux) -> kept` for the inputs in `mask`, keeping only what their rules name."""
    needed = {name for name, by in _named_by(op).items() if op.variadic or any((mask >> i) & 1 for i in by)}
    needed |= set(op.settings)
    values = (_fetch(op, kept, f"settings[{kept[1]!r}]") if kept[1] in needed else "None" for kept in op.kept)
    head = ", ".join((*op.inputs, "out", "settings", "aux"))
    made: Rule = eval(f"lambda {head}: {_tuple(values)}")
    return made


def kept_by_edges(op: Any, inputs: tuple[str, ...]) -> str:
    """The same for code in which the inputs have these names, settings their own, and edges are `e0, e1, ...` or None.

    What not every rule names is kept if one that names it will run.
    """
    called, named_by = dict(zip(op.inputs, inputs, strict=True)), _named_by(op)
    ruled = [i for i, has in enumerate(op.ruled) if has]
    values = []
    for kept in op.kept:
        by = named_by[kept[1]]
        value = _fetch(op, kept, kept[1], called)
        always = by == ruled or kept[0] == "setting"
        values.append(value if always else f"{value} if {' or '.join(f'e{i} is not None' for i in by)} else None")
    return _tuple(values)


def _named_by(op: Any) -> dict[str, list[int]]:
    """For each name in a rule, the numbers of the inputs whose rules name it."""
    found: dict[str, list[int]] = {}
    for i, x in enumerate(op.inputs):
        if x in op.rules:
            positional, keywords, _ = signature(op.rules[x])
            for name in (*positional, *keywords):
                found.setdefault(name, []).append(i)
    return found


def _fetch(op: Any, kept: tuple[str, str], setting: str, called: dict[str, str] | None = None) -> str:
    """Where a call finds a value that its node keeps."""
    kind, name = kept
    if kind == "shape":
        x = name[:-6]
        x = x if called is None else called[x]
        return f"[t._array.shape for t in {x}]" if op.variadic else f"{x}._array.shape"
    if kind == "input" and called is not None:
        x = called[name]
        return x if name == op.inputs[0] else f"(NOTHING if {x} is None else {x})"
    return {"input": name, "out": "out", "aux": f"aux[{name!r}]", "setting": setting}[kind]


def _tuple(values: Iterable[str]) -> str:
    return f"({''.join(f'{value}, ' for value in values)})"


# -- the rules, and what becomes of their results -------------------------------------------------------------------
# What arrives at an edge. A leaf's sum is its own, unless it is a view (see messages.py); other gradients may be on
# their way elsewhere.
_ADD = """
    if v.shape != {e}.shape or v.dtype is not {e}.dtype:
        v = fit(node.device.F, v, {e}.shape, {e}.dtype)
    old = {e}.incoming
    if {e}.__class__ is AccumulateGrad:
        if old is None:
            {e}.incoming = for_leaf(v, g)
        elif old.base is None:
            old += v
            {e}.incoming = old
        else:
            {e}.incoming = old + v
    else:
        {e}.incoming = v if old is None else old + v
"""
# What that text names.
_SPACE: dict[str, Any] = {
    "__name__": __name__, "AccumulateGrad": AccumulateGrad, "fit": messages.fit, "for_leaf": messages.for_leaf,
    "add": loop(np.add),
}  # fmt: skip
# The same for a new array of the right shape and type.
_ADD_NEW = """
    old = {e}.incoming
    {e}.incoming = v if old is None else add(old, v, v)
"""
# The same for the node's own gradient, where it has the right shape and type.
_ADD_SAME = """
    old = {e}.incoming
    if old is not None:
        {e}.incoming = add(old, g, old) if {e}.__class__ is AccumulateGrad and old.base is None else add(old, g)
    else:
        {e}.incoming = g.copy() if {e}.__class__ is AccumulateGrad else g
"""


def handing() -> Rule:
    """`(node, e, v, g)`: add one gradient, made from `g`, to what an edge has received."""
    space = dict(_SPACE)
    exec("\n".join(["def hand_on(node, e, v, g):", *_indented(_ADD.format(e="e"), 0)]), space)
    made: Rule = space["hand_on"]
    return made


def pusher(op: Any, *, alike: bool = False) -> Rule:
    """`(node, g, freed)`: run the rules on arrays and add each gradient to what its edge has received.

    `freed` takes the place of what the node kept, unless it is None. `alike` says that every input that wants a
    gradient has the output's shape, not (), that all are float32 and on the CPU: then arithmetic is written out as
    calls of NumPy, and its results need no looking at.
    """
    space = dict(_SPACE)
    if op.joint is not None:
        space["pull"] = op.pull
        lines = ["    for e, v in zip(node.parents, pull(node.device.F, g, s, node.parents), strict=True):"]
        lines += ["        if v is not None:", *_indented(_ADD.format(e="e"), 8)]
    elif op.variadic:
        lines = ["    for i, e in enumerate(node.parents):", "        if e is not None:"]
        lines += _indented(_general(op, 0, "e", space), 8)
    else:
        names = [f"e{i}" for i in range(len(op.inputs))]
        lines = [f"    {', '.join(names)}, = node.parents"]
        for i, e in enumerate(names):
            if op.inputs[i] in op.rules:
                quick = _quick(op, i, e, space) if alike else None
                lines += [f"    if {e} is not None:", *_indented(quick or _general(op, i, e, space), 4)]
    head = ["def push(node, g, freed):"]
    if any("F" in signature(rule)[0] for rule in op.rules.values()):
        head.append("    F = node.device.F")
    if op.kept:
        head.append("    s = node.saved")
    if op.kept_tensors:
        head += ["    if freed is not None:", "        node.saved = freed"]
    if op.outputs:
        head.append("    g = tuple(g)")
    exec("\n".join([*head, *lines]), space)
    made: Rule = space["push"]
    made.__qualname__ = made.__name__ = f"push_{op.name}"
    return made


def _general(op: Any, i: int, e: str, space: dict[str, Any]) -> str:
    """One input's rule and what becomes of its result."""
    added = "\n".join(_indented(_ADD.format(e=e), 4))
    return f"    v = {_call(op, i, space, True)}\n    if v is not None:\n{added}"


def _quick(op: Any, i: int, e: str, space: dict[str, Any]) -> str | None:
    """The same without checks, where the node is alike and the rule is arithmetic; None where it is not."""
    if _call(op, i, space, True) == "g":
        return _ADD_SAME.format(e=e)
    arithmetic = _arithmetic(op, i, space)
    return None if arithmetic is None else arithmetic + _ADD_NEW.format(e=e)


def _indented(text: str, by: int) -> list[str]:
    return [" " * by + line for line in text.splitlines() if line.strip()]


# -- arithmetic, read from a rule by running it once on symbols -----------------------------------------------------
class Symbol:
    """A value in a rule: one it is given by `name`, a number, or a function of NumPy of other symbols."""

    __slots__ = ("args", "function", "name")
    __array_ufunc__ = None

    def __init__(self, name: str = "", function: Any = None, args: tuple[Symbol, ...] = ()) -> None:
        self.name, self.function, self.args = name, function, args

    def __eq__(self, other: object) -> bool:
        raise TypeError("a rule that compares is not arithmetic")

    __bool__ = __iter__ = __hash__ = __lt__ = __gt__ = None  # type: ignore[assignment]


def _method(function: Any, turned: bool = False) -> Any:
    def call(self: Symbol, *others: Any) -> Symbol:
        args = (self, *map(_symbol, others))
        return Symbol("", function, args[::-1] if turned else args)

    return call


for _name, _function in (("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("truediv", np.true_divide)):
    setattr(Symbol, f"__{_name}__", _method(_function))
    setattr(Symbol, f"__r{_name}__", _method(_function, turned=True))
setattr(Symbol, "__neg__", _method(np.negative))  # noqa: B010 (as those above)


def _symbol(value: Any) -> Symbol:
    if isinstance(value, Symbol):
        return value
    if type(value) in (int, float):
        return Symbol(repr(value))
    raise TypeError("a rule of something else than numbers is not arithmetic")


class _Functions:
    """`F` for symbols: what is one function of NumPy on the CPU."""

    def __getattr__(self, name: str) -> Any:
        from .device import CPU

        function = CPU.forwards[name]
        if not isinstance(function, np.ufunc) or function.nout != 1:
            raise TypeError("a rule that calls something else than a function of NumPy is not arithmetic")
        return lambda *args: Symbol("", function, tuple(map(_symbol, args)))


def _arithmetic(op: Any, i: int, space: dict[str, Any]) -> str | None:
    """The rule as calls of NumPy, with results written where they are no longer needed; None if it is no arithmetic.

    `g * (1 - out * out)` becomes `v0 = multiply(out, out); subtract(one, v0, v0); v = multiply(g, v0, v0)`.
    """
    rule = op.rules[op.inputs[i]]
    positional, keywords, _ = signature(rule)
    if keywords:
        return None
    try:
        found = rule(*(_Functions() if p == "F" else Symbol(p) for p in positional))
    except Exception:  # whatever a rule does with a symbol that is not arithmetic
        return None
    if not isinstance(found, Symbol) or found.function is None:
        return None
    # What has the shape of the result; another input may have been spread over it.
    full = {"g", "out", *(op.inputs if len(op.inputs) == 1 else ())}
    lines: list[str] = []
    seen: set[int] = set()

    def write(x: Symbol) -> tuple[str, bool, bool]:
        """The name of a symbol's value, whether it has the full shape, whether it is ours to write into."""
        if x.function is None:
            if x.name in positional:
                return _pick(op, x.name, True), x.name in full, False
            name = f"number_{len(space)}"
            space[name] = np.asarray(float(x.name), SINGLE)
            return name, False, False
        if id(x) in seen:
            raise TypeError("a rule that uses a result twice is not arithmetic")
        seen.add(id(x))
        parts = [write(a) for a in x.args]
        function = x.function.__name__
        space[function] = loop(x.function)
        free = [name for name, whole, ours in parts if whole and ours]
        target = free[0] if free else f"v{len(lines)}"
        given = ", ".join([*(name for name, _, _ in parts), *free[:1]])
        lines.append(f"    {target} = {function}({given})")
        return target, any(whole for _, whole, _ in parts), True

    try:
        name, whole, _ = write(found)
    except TypeError:
        return None
    if not whole:
        return None
    return "\n".join([*lines, f"    v = {name}"])
