"""Declaring an operation: one forward and one gradient rule per input, in one table entry.

    mul = op("mul", lambda a, b: a * b,   a=lambda g, b: g * b,   b=lambda g, a: g * a,   promote="binary")

A rule is named after the input it serves, and the names it mentions decide what a node keeps: here `a`'s rule needs
`b`. All of this is worked out once, at import. Forwards see raw arrays and may ask for `xp`, the array library of the
device; rules ask for `F`, the op vocabulary, which works on raw arrays or, for gradients of gradients, on Tensors.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from . import accelerator, written
from .autocast import ON, hooked
from .device import CPU, Device, Vocabulary, known_devices, on_new_device
from .node import Node
from .written import numpy_function, plain_operator
from .written import signature as signature

if TYPE_CHECKING:
    from .tensor import Tensor

# What a forward may ask for by name: the array library, the op vocabulary, SciPy or its twin on the device.
GIVEN = ("xp", "F", "sp")
Function = TypeVar("Function", bound=Callable[..., Any])

# Every op by name; the functions of the torch namespace and the methods of Tensor that the tables register.
OPS: dict[str, Op] = {}
FUNCTIONS: dict[str, Any] = {}
METHODS: dict[str, Any] = {}
# The functions of torch.linalg, torch.fft, torch.special and their like, by the name of their namespace.
SPACES: dict[str, dict[str, Any]] = {}
# Functions whose in-place twin is a Tensor method.
INPLACE: list[str] = []


# What is written out as code when it is first needed: most programs use few of the operations.
WRITTEN: dict[str, Callable[[Any], Any]] = {
    "pull": lambda op: written.puller(op, raw=True),
    "pull_recorded": lambda op: written.puller(op, raw=False),
    "push": lambda op: written.pusher(op),
    "push_alike": lambda op: written.pusher(op, alike=True),
    "call_with_aux": lambda op: _with_aux(op),
}
# The op table over Tensors: what `F` is in a rule whose own gradient will be wanted.
RECORDED: Any = Vocabulary(None)


class Op:
    """One operation: its forward, its rules, and what follows from their names."""

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        rules: dict[str, Any],
        *,
        node: str | Callable[..., str] | None = None,
        promote: str | None = None,
        view: bool = False,
        outputs: bool = False,
        elementwise: bool = False,
        inplace: bool = False,
        public: bool = True,
        latex: str | None = None,
        saved_names: dict[str, str] | None = None,
        aux: tuple[str, ...] = (),
        number_node: str | None = None,
        conjugates: bool = False,
        keeps: bool = False,
        numbers: str = "any",
        names: tuple[str, ...] = ("input", "other"),
    ) -> None:
        self.name = name
        self.forward = forward
        self.promote, self.view, self.outputs, self.elementwise = promote, view, outputs, elementwise
        self.inplace, self.public, self.latex = inplace, public, latex
        # Rules are written for real numbers, and for an analytic function of complex ones the engine conjugates what
        # goes in and out of them. `conjugates` says that they do it themselves. See Note [Complex gradients].
        self.conjugates = conjugates
        # Which inputs may be Python numbers: "any", "one" (not all), "last", "none"; and what PyTorch calls its inputs.
        self.numbers, self.names = numbers, names
        # Whether the result is always of the input's type: said where a Python float makes NumPy widen bfloat16.
        self.keeps = keeps
        self.saved_names = saved_names or {}
        # What a device that makes all gradients at once is given of what the node kept: see `together`.
        self.joint: tuple[str, ...] | None = None
        positional, self.settings, self.variadic = signature(forward)
        self.takes = tuple(p for p in positional if p in GIVEN)
        self.inputs = tuple(p for p in positional if p not in GIVEN)
        if self.variadic is not None:
            self.inputs = (self.variadic,)
        self.aux = aux
        self.node = node if node is not None else camel(name) + "Backward0"
        # The settings that the node's name depends on.
        self.node_settings = () if node is None or isinstance(node, str) else sum(signature(node)[:2], ())
        # The node's name where the last input is a number: PyTorch has a separate operator for that.
        self.number_node = number_node
        self.rules: dict[str, Any] = {}
        self._node_types: dict[str, type[Node]] = {}
        self.overridden: list[Callable[[], None]] = []  # called when a device's forward is replaced
        self.call: Callable[..., Tensor]
        for input, rule in rules.items():
            self.add_rule(input, rule)
        self._finish()

    def __call__(self, *inputs: Any, **settings: Any) -> Tensor:
        return self.call(*inputs, **settings)

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join(self.inputs)})>"

    def rule(self, rule: Function) -> Function:
        """Decorator: the function named after an input is that input's gradient rule."""
        self.add_rule(rule.__name__.rstrip("_"), rule)
        self._finish()
        return rule

    def add_rule(self, input: str, rule: Callable[..., Any]) -> None:
        if input not in self.inputs:
            raise TypeError(f"op {self.name!r} has inputs {self.inputs}, so it cannot have a rule for {input!r}")
        self.rules[input] = rule

    def _finish(self) -> None:
        """Work out, from the names the rules mention, what a node keeps and how each rule is called."""
        known = {"F", "g", "out", "i"} | set(self.inputs) | set(self.settings)
        known |= {f"{x}_shape" for x in self.inputs}
        wanted: dict[str, tuple[str, str]] = {}
        for rule in self.rules.values():
            positional, keywords, _ = signature(rule)
            for name in (*positional, *keywords):
                if name in ("F", "g", "i"):
                    continue
                if name not in known and name not in self.aux:
                    self.aux = (*self.aux, name)
                wanted.setdefault(name, (self._kind(name), name))
        order = {"input": 0, "out": 1, "aux": 2, "shape": 3, "setting": 4}
        place = {x: i for i, x in enumerate(self.inputs)}
        self.kept = tuple(sorted(wanted.values(), key=lambda kept: (order[kept[0]], place.get(kept[1], 0))))
        self.kept_tensors = tuple(i for i, (kind, _) in enumerate(self.kept) if kind in ("input", "out", "aux"))
        self.slots = {kept[1]: i for i, kept in enumerate(self.kept)}
        for made in WRITTEN:
            self.__dict__.pop(made, None)
        self.savers: dict[int, Any] = {}
        # Which inputs have a rule, and so a place among the node's next functions.
        self.ruled = tuple(x in self.rules for x in self.inputs)
        self.differentiable = any(self.ruled)
        # Whether it has one output and a fixed number of inputs.
        self.simple = not self.outputs and self.variadic is None
        # Whether a call needs nothing but its one input, or its two.
        self.one_tensor = self.simple and len(self.inputs) == 1 and not (self.settings or self.aux)
        plain = self.simple and not (self.settings or self.aux or self.view) and isinstance(self.node, str)
        self.simple_call = plain and len(self.inputs) == 2

    def __getattr__(self, name: str) -> Any:
        """How its rules are run."""
        if name not in WRITTEN:
            raise AttributeError(f"{self!r} has no attribute {name!r}")
        made = self.__dict__[name] = WRITTEN[name](self)
        return made

    def together(self, joint: Function, device: Device = CPU) -> Function:
        """Decorator: on a device's arrays, what makes all gradients at once, where the rules would each find the same.

        `joint(g, wants, ...)` names what the node kept, as rules do, and returns one gradient per input, None where
        `wants` says so; NotImplemented leaves it to the rules. Something not kept, as no rule wanted it, is None.
        Another device's names the same.
        """
        names = tuple(signature(joint)[0][2:])
        if self.joint is None:
            self.joins(*names)
        assert names == self.joint, f"{self.name} makes all gradients at once from {self.joint}"
        device.forwards[f"{self.name}_gradients"] = device.guarded(joint)
        return joint

    def joins(self, *names: str) -> None:
        """Let devices make all gradients at once from these names of what the node kept."""
        rules = self.pull
        kinds = [self._kind(name) for name in names]
        picks = [f"s[{self.slots[name]}]" for name in names]
        values = ", ".join(
            f"None if {p} is None else {p}._array" if kind == "input" else p
            for p, kind in zip(picks, kinds, strict=True)
        )
        space: dict[str, Any] = {"rules": rules}

        exec(
            "def pull(F, g, s, p):\n"
            f"    joint = getattr(F, '{self.name}_gradients', None)\n"
            "    if joint is not None:\n"
            f"        made = joint(g, tuple(e is not None for e in p), {values})\n"
            "        if made is not NotImplemented:\n"
            "            return made\n"
            "    return rules(F, g, s, p)\n",
            space,
        )
        self.__dict__["pull"] = space["pull"]
        self.joint = names

    def _kind(self, name: str) -> str:
        if name in self.inputs:
            return "input"
        if name == "out":
            return "out"
        if name in self.settings:
            return "setting"
        return "shape" if name.endswith("_shape") and name[:-6] in self.inputs else "aux"

    def saver(self, mask: int) -> Any:
        """`(inputs..., out, settings, aux) -> kept` for the inputs in `mask`, keeping only what their rules name."""
        made = self.savers.get(mask)
        if made is None:
            made = self.savers[mask] = written.saver(self, mask)
        return made

    def node_type(self, settings: dict[str, Any], number: bool = False) -> type[Node]:
        """The node class of a call with these settings, made once; `number`: the last input is a number."""
        name = self.number_node if number and self.number_node is not None else self.node
        found = self._node_types.get(name) if isinstance(name, str) else None
        if found is not None:
            return found
        if not isinstance(name, str):
            name = name(**{k: settings[k] for k in self.node_settings})
        return self.named_node(name)

    def named_node(self, name: str) -> type[Node]:
        """A node class with this op's rules and another name."""
        found = self._node_types.get(name)
        if found is None:
            found = self._node_types[name] = type(name, (Node,), {"__slots__": (), "op": self})
        return found

    def with_aux(self, *inputs: Any, **settings: Any) -> tuple[Any, dict[str, Any]]:
        """The result and the values only the forward knows, as Tensors; for library code."""
        out, aux = self.call_with_aux(*inputs, **settings)
        return out, aux


def _with_aux(op: Op) -> Any:
    """The function that performs an op and returns what only its forward knows too."""
    from .dispatch import run_with_aux, written_out

    if op.simple:
        return written_out(op, with_aux=True)
    return lambda *inputs, **settings: run_with_aux(op, inputs, settings)


def camel(name: str) -> str:
    """`log_softmax` -> `LogSoftmax`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@overload
def op(name: str, forward: Callable[..., Any], /, **options: Any) -> Op: ...
@overload
def op(name: str, /, **options: Any) -> Callable[[Callable[..., Any]], Op]: ...
def op(name: str, forward: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Declare an operation; keywords that are not options are rules, named after the inputs they serve.

    Without a forward it is a decorator for the forward.
    """
    if forward is None:
        return lambda function: op(name, function, **options)
    settings = {k: options.pop(k) for k in _OPTIONS if k in options}
    made = Op(name, forward, options, **settings)
    if name in OPS:
        raise TypeError(f"op {name!r} is declared twice")
    OPS[name] = made
    _attach(made)
    return made


_OPTIONS = (
    "node", "promote", "view", "outputs", "elementwise", "inplace", "public", "latex", "saved_names", "aux",
    "number_node", "conjugates", "keeps", "numbers", "names",
)  # fmt: skip


def _attach(made: Op) -> None:
    """Give the op its call, its place in every vocabulary, its function, method and in-place twin."""
    from .dispatch import make_call
    from .inplace import make_inplace

    for known in known_devices():
        bind(made, known)
    made.call = make_call(made)
    setattr(RECORDED, made.name, made.call)
    if made.public:
        plain = made.simple and not made.settings
        FUNCTIONS[made.name] = METHODS[made.name] = _public(
            made.name, made.call, ", ".join(("input", "other")[: len(made.inputs)]) if plain else None
        )
    if made.inplace:
        METHODS[made.name + "_"] = make_inplace(made.name + "_", made.call, made)


def _public(name: str, function: Any, parameters: str | None = None) -> Any:
    """A function as it is called from outside: behind autocast's test, if that names it."""
    made = hooked(name, function, parameters)
    return function if made is function else accelerator.door(made, function, closed=ON)


def bind(made: Op, device: Device) -> None:
    """Make the op known to a device: `device.forwards[name]` in full, `device.F.name` as rules see it."""
    raw = bound(made.forward, made.takes, device)
    device.forwards[made.name + "!"] = raw
    device.forwards[made.name] = (lambda *a, **k: raw(*a, **k)[0]) if made.aux else raw


def bound(forward: Callable[..., Any], takes: tuple[str, ...], device: Device) -> Callable[..., Any]:
    """A forward with its device's `xp` and `F` filled in."""
    import functools

    if device is CPU:
        whole: Callable[..., Any] | None = numpy_function(forward)
        if whole is not None:
            return whole
    given = {"xp": device.xp, "F": device.F, "sp": device.sp}
    made = functools.partial(forward, *(given[t] for t in takes)) if takes else plain_operator(forward)
    return device.guarded(made)


def override(device: Device, name: str, forward: Callable[..., Any]) -> None:
    """Replace one op's forward on one device, keeping its rules."""
    positional, _, _ = signature(forward)
    raw = bound(forward, tuple(p for p in positional if p in GIVEN), device)
    device.forwards[name + "!"] = raw
    device.forwards[name] = (lambda *a, **k: raw(*a, **k)[0]) if OPS[name].aux else raw
    for look_up in OPS[name].overridden:
        look_up()


def bind_all(device: Device) -> None:
    """Make every op declared so far known to a new device."""
    for made in OPS.values():
        bind(made, device)


on_new_device(bind_all)


@overload
def function(target: Function, /) -> Function: ...
@overload
def function(
    *,
    method: bool = ...,
    name: str | None = ...,
    aliases: tuple[str, ...] = ...,
    inplace: bool = ...,
    space: str | None = ...,
) -> Callable[[Function], Function]: ...
def function(
    target: Any = None,
    *,
    method: bool = True,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    inplace: bool = False,
    space: str | None = None,
) -> Any:
    """Register a plain function as `torch.<name>` and, unless told otherwise, as a Tensor method.

    `inplace` gives every spelling a twin that writes into its first argument; `space` puts the function into
    `torch.<space>` ("linalg", "fft", "special", ...) instead, where it is no method.
    """
    table = FUNCTIONS if space is None else SPACES.setdefault(space, {})

    def register(f: Any) -> Any:
        own = name or f.__name__.rstrip("_")
        f = _public(own if space is None else f"{space}_{own}", f)
        for spelling in (own, *aliases):
            table[spelling] = f
            if method and space is None:
                METHODS[spelling] = f
            if inplace:
                INPLACE.append(spelling)
        return f

    return register if target is None else register(target)


@overload
def method(target: Function, /) -> Function: ...
@overload
def method(*, name: str | None = ..., aliases: tuple[str, ...] = ...) -> Callable[[Function], Function]: ...
def method(target: Any = None, *, name: str | None = None, aliases: tuple[str, ...] = ()) -> Any:
    """Register a plain function as a Tensor method only."""

    def register(f: Any) -> Any:
        for spelling in (name or f.__name__, *aliases):
            METHODS[spelling] = f
        return f

    return register if target is None else register(target)


def composite(name: str) -> Callable[[Function], Function]:
    """Register a function written in op calls under `F.<name>` in every vocabulary: `f(F, *args, **settings)`."""

    def register(f: Function) -> Function:
        import functools

        setattr(RECORDED, name, functools.partial(f, RECORDED))
        on_new_device(lambda device: device.forwards.__setitem__(name, functools.partial(f, device.F)))
        return f

    return register


def spelled(name: str, op_name: str) -> None:
    """An operation under another name in every vocabulary, `F.<name>`, for rules."""
    setattr(RECORDED, name, getattr(RECORDED, op_name))
    on_new_device(lambda device: device.forwards.__setitem__(name, device.forwards[op_name]))


def name_functions() -> None:
    """Let pickle find every public function: those that the tables made have no place in a module of their own."""
    package = __name__.partition(".")[0]
    for name, function in FUNCTIONS.items():
        if not accelerator.is_function(function) or function.__module__ == package:
            continue
        own = function.__name__
        found = getattr(sys.modules.get(function.__module__), function.__qualname__, None) is function
        if not found and (name == own or FUNCTIONS.get(own) is not function):
            function.__module__, function.__qualname__ = package, name
