"""A pickle machine that runs nothing: it builds plain values and asks a World about everything else.

A pickle is a program for a small stack machine. Python's own `pickle.load` lets that program import any module and call
any function, which is why a pickle from a stranger can do anything. This machine knows the opcodes that build numbers,
strings, lists, tuples, dicts and sets. For a name, a call or an object's state it asks its World, which refuses all but
what its table allows. Opcodes are decoded by the standard library's `pickletools`, which executes nothing.
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gradviz.core.device import Device
from gradviz.core.dtype import dtype

REFUSED = "which only trusted files may use"
COPIES, SMALL = 4, 1_000_000  # calls may copy this many times the program's length, and a little more


class Allowed:
    """Something a weights file may name: calling it through the machine calls `make`."""

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name, self.make = name, make

    def __repr__(self) -> str:
        return self.name


class World:
    """What a pickle may name and call. This one refuses everything; a subclass allows by table."""

    encoding = "utf-8"  # of the byte strings that Python 2 wrote; "bytes" leaves them bytes

    def find(self, module: str, name: str) -> Any:
        """The value of a global name."""
        raise pickle.UnpicklingError(f"the file names {module}.{name}, {REFUSED}")

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        """The result of a call."""
        raise pickle.UnpicklingError(f"the file calls {shown(function)}, {REFUSED}")

    def new(self, cls: Any, arguments: tuple[Any, ...]) -> Any:
        """A new object of a class."""
        raise pickle.UnpicklingError(f"the file makes a {shown(cls)}, {REFUSED}")

    def build(self, instance: Any, state: Any) -> None:
        """Gives an object its state."""
        raise pickle.UnpicklingError(f"the file sets the state of a {type(instance).__name__}, {REFUSED}")

    def persistent(self, key: Any) -> Any:
        """The object that is kept outside the pickle under `key`."""
        raise pickle.UnpicklingError(f"the file refers to something outside it ({shown(key)}), {REFUSED}")


def operations(program: Any) -> Iterator[tuple[str, Any]]:
    """The operations of a pickle (bytes, or a file that ends with it) and their arguments; nothing is run."""
    return ((opcode.name, argument) for opcode, argument, _ in pickletools.genops(program))


def run(program: bytes, world: World) -> Any:
    """The value that a pickle describes.

    Raises UnpicklingError for a damaged one and for what the world refuses; RuntimeErrors of the world pass through.
    """
    machine = _Machine(world, COPIES * len(program) + SMALL)
    try:
        for name, argument in operations(program):
            if name in _LITERALS:
                machine.stack.append(argument)
            elif name in _BYTE_STRINGS:
                machine.stack.append(_decoded(argument, world.encoding))
            elif name == "STOP":
                return machine.stack.pop()
            else:
                _STEPS[name](machine, argument)
    except (pickle.UnpicklingError, RuntimeError):
        raise
    except KeyError as error:
        raise pickle.UnpicklingError(f"the file uses the pickle opcode or memo entry {error}, {REFUSED}") from error
    except Exception as error:
        raise pickle.UnpicklingError(f"the pickled data is damaged: {error}") from error
    raise pickle.UnpicklingError("the pickled data ends too early")


def shown(value: Any, depth: int = 0) -> str:
    """A value as error texts show it. Its repr may be endless: lists that hold one another many times over."""
    if isinstance(value, (tuple, list)) and depth < 2:
        parts = ", ".join(shown(item, depth + 1) for item in value[:8])
        return f"({parts})" if isinstance(value, tuple) else f"[{parts}]"
    if isinstance(value, (str, bytes)):
        return repr(value[:60])
    if isinstance(value, int) and value.bit_length() > 100:
        return f"a number of {value.bit_length()} bits"
    return repr(value) if value is None or isinstance(value, (int, float, dtype, type)) else f"a {_named(value)}"


def _named(value: Any) -> str:
    return str(getattr(value, "name", None) or type(value).__name__)


def _decoded(text: str, encoding: str) -> str | bytes:
    """A byte string, which pickletools gives as the text of the same code points."""
    content = text.encode("latin1")
    return content if encoding == "bytes" else content.decode(encoding)


class _Machine:
    """The state of the run: a stack, the marks in it, the memo of values used twice and what calls may still copy."""

    def __init__(self, world: World, allowance: int) -> None:
        self.world, self.allowance = world, allowance
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def pop_to_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def spend(self, values: Any) -> None:
        """Counts what a call may copy: a short program could have one long text copied a million times."""
        self.allowance -= sum(len(value) for value in values if isinstance(value, _SIZED))
        if self.allowance < 0:
            raise pickle.UnpicklingError("the file has its own data copied many times over, which no saved value needs")

    def pop(self, n: int) -> list[Any]:
        items = self.stack[-n:]
        if len(items) < n:
            raise IndexError("the stack is empty")
        del self.stack[-n:]
        return items


def key(value: Any, depth: int = 0) -> Any:
    """A dict key or set member, if it is simple.

    Hashing a deep tuple would overflow the C stack; long tuples and large numbers take long, and large numbers can be
    chosen to have one hash.
    """
    if isinstance(value, tuple) and depth < 3 and len(value) <= 64:
        for item in value:
            key(item, depth + 1)
    elif not isinstance(value, _KEYS) or (isinstance(value, int) and value.bit_length() > 64):
        raise pickle.UnpicklingError(f"the file uses {shown(value)} as the key of a dict, {REFUSED}")
    return value


def _fill(mapping: Any, flat: list[Any]) -> None:
    if not isinstance(mapping, dict):
        raise TypeError(f"items set on a {type(mapping).__name__}")
    for k, v in zip(flat[::2], flat[1::2], strict=True):
        mapping[key(k)] = v


def _append(m: _Machine, items: list[Any]) -> None:
    target = m.stack[-1]
    if type(target) is not list:
        raise TypeError(f"items appended to a {type(target).__name__}")
    target.extend(items)


def _add(m: _Machine) -> None:
    items = m.pop_to_mark()
    target = m.stack[-1]
    if type(target) is not set:
        raise TypeError(f"members added to a {type(target).__name__}")
    target.update(key(item) for item in items)


def _dict(m: _Machine) -> None:
    items = m.pop_to_mark()
    made: dict[Any, Any] = {}
    _fill(made, items)
    m.stack.append(made)


def _set_items(m: _Machine, items: list[Any]) -> None:
    _fill(m.stack[-1], items)


def _reduce(m: _Machine, how: Callable[[Any, tuple[Any, ...]], Any]) -> None:
    function, arguments = m.pop(2)
    if type(arguments) is not tuple:
        raise TypeError("arguments of a call that are not a tuple")
    m.spend(arguments)
    m.stack.append(how(function, arguments))


def _build(m: _Machine) -> None:
    state = m.stack.pop()
    m.spend((state,))
    m.world.build(m.stack[-1], state)


def _global(m: _Machine, module: Any, name: Any) -> None:
    if not (isinstance(module, str) and isinstance(name, str)):
        raise TypeError("a name that is not a text")
    m.stack.append(m.world.find(module, name))


def _pop(m: _Machine) -> None:
    if m.marks and m.marks[-1] == len(m.stack):
        m.marks.pop()
    else:
        m.stack.pop()


_Step = Callable[[_Machine, Any], object]
_PUT: _Step = lambda m, index: m.memo.__setitem__(index, m.stack[-1])  # noqa: E731
_GET: _Step = lambda m, index: m.stack.append(m.memo[index])  # noqa: E731
_SKIP: _Step = lambda m, argument: None  # noqa: E731

# Opcodes whose argument is the value itself.
_LITERALS = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
))  # fmt: skip
_BYTE_STRINGS = frozenset(("STRING", "BINSTRING", "SHORT_BINSTRING"))
_SIZED = (str, bytes, bytearray, tuple, list, dict, set, frozenset)
_KEYS = (str, int, float, bytes, complex, type(None), dtype, Device)
_STEPS: Mapping[str, _Step] = {
    "PROTO": _SKIP,
    "FRAME": _SKIP,
    "NONE": lambda m, _: m.stack.append(None),
    "NEWTRUE": lambda m, _: m.stack.append(True),
    "NEWFALSE": lambda m, _: m.stack.append(False),
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "POP": lambda m, _: _pop(m),
    "POP_MARK": lambda m, _: m.pop_to_mark(),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "PUT": _PUT,
    "BINPUT": _PUT,
    "LONG_BINPUT": _PUT,
    "MEMOIZE": lambda m, _: m.memo.__setitem__(len(m.memo), m.stack[-1]),
    "GET": _GET,
    "BINGET": _GET,
    "LONG_BINGET": _GET,
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "TUPLE1": lambda m, _: m.stack.append(tuple(m.pop(1))),
    "TUPLE2": lambda m, _: m.stack.append(tuple(m.pop(2))),
    "TUPLE3": lambda m, _: m.stack.append(tuple(m.pop(3))),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.pop_to_mark())),
    "EMPTY_LIST": lambda m, _: m.stack.append([]),
    "LIST": lambda m, _: m.stack.append(m.pop_to_mark()),
    "APPEND": lambda m, _: _append(m, m.pop(1)),
    "APPENDS": lambda m, _: _append(m, m.pop_to_mark()),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "DICT": lambda m, _: _dict(m),
    "SETITEM": lambda m, _: _set_items(m, m.pop(2)),
    "SETITEMS": lambda m, _: _set_items(m, m.pop_to_mark()),
    "EMPTY_SET": lambda m, _: m.stack.append(set()),
    "ADDITEMS": lambda m, _: _add(m),
    "FROZENSET": lambda m, _: m.stack.append(frozenset(map(key, m.pop_to_mark()))),
    "GLOBAL": lambda m, names: _global(m, *names.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: _global(m, *m.pop(2)),
    "REDUCE": lambda m, _: _reduce(m, m.world.call),
    "NEWOBJ": lambda m, _: _reduce(m, m.world.new),
    "BUILD": lambda m, _: _build(m),
    "BINPERSID": lambda m, _: m.stack.append(m.world.persistent(m.stack.pop())),
}
