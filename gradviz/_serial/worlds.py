"""Who decides what a file may name: a table, for weights; Python itself, for whole models that are trusted."""

from __future__ import annotations

import collections
import pickle
from collections.abc import Callable, Mapping
from typing import IO, Any

from gradviz.core.tensor import Tensor
from gradviz.nn.parameter import Parameter

from .machine import Allowed, World, key, operations, shown
from .reader import Builder


def _ordered(pairs: Any = ()) -> collections.OrderedDict[Any, Any]:
    return collections.OrderedDict((key(k), v) for k, v in pairs)


def _counter(counts: Any) -> collections.Counter[Any]:
    if not isinstance(counts, dict):
        raise pickle.UnpicklingError(f"the file counts {shown(counts)}")
    return collections.Counter(counts)


def _bytes(text: str = "", encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"the file encodes text as {shown(encoding)}")
    return text.encode("latin1")


def _bytearray(content: Any = b"", encoding: str = "latin1") -> bytearray:
    return bytearray(_bytes(content, encoding) if isinstance(content, str) else memoryview(content))


# Plain Python types that protocol 2 writes as calls. A number given to bytearray would allocate: only content is taken.
PLAIN: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered,
    "collections.Counter": _counter,
    "_codecs.encode": _bytes,
    "builtins.set": lambda items=(): {key(item) for item in items},
    "builtins.frozenset": lambda items=(): frozenset(key(item) for item in items),
    "builtins.bytearray": _bytearray,
    "builtins.bytes": lambda: b"",
    "builtins.complex": lambda real, imag: complex(float(real), float(imag)),
}
PLAIN |= {name.replace("builtins.", "__builtin__."): make for name, make in PLAIN.items()}


class WeightsWorld(World):
    """What a weights file may name: tensors, parameters, plain containers, and the classes the user has allowed."""

    def __init__(self, builder: Builder, trusted: Mapping[str, Any], encoding: str = "utf-8") -> None:
        self.persistent = builder.storage  # type: ignore[method-assign]
        self.trusted, self.encoding = trusted, encoding
        table = {**builder.table(), **PLAIN}
        self.table = {n: Allowed(n, v) if callable(v) and not isinstance(v, type) else v for n, v in table.items()}

    def knows(self, full: str) -> bool:
        """Whether a file may use this name."""
        return full in self.table or full in self.trusted

    def find(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in self.table:
            return self.table[full]
        if full in self.trusted:
            return self.trusted[full]
        raise pickle.UnpicklingError(f"Unsupported global: GLOBAL {full} was not an allowed global by default.")

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        if isinstance(function, Allowed):
            return function.make(*arguments)
        if any(function is value for value in self.trusted.values()):
            return function(*arguments)
        raise pickle.UnpicklingError(f"the file calls {shown(function)}")

    def new(self, cls: Any, arguments: tuple[Any, ...]) -> Any:
        if isinstance(cls, Allowed):
            return cls.make(*arguments)
        if any(cls is value for value in self.trusted.values()):
            return cls.__new__(cls, *arguments)
        raise pickle.UnpicklingError(f"the file makes {shown(cls)}")

    def build(self, instance: Any, state: Any) -> None:
        if type(instance) is collections.OrderedDict and isinstance(state, dict):
            if any(not isinstance(k, str) or hasattr(collections.OrderedDict, k) for k in state):
                raise pickle.UnpicklingError(f"the file sets {shown(list(state))} on an OrderedDict")
            instance.__dict__.update(state)
        elif type(instance) in self.trusted.values():
            set_state = getattr(instance, "__setstate__", instance.__dict__.update)
            set_state(state)
        else:
            super().build(instance, state)


def unpickle(program: IO[bytes], builder: Builder, module: Any = pickle, **options: Any) -> Any:
    """What a trusted file holds, by the Unpickler of Python's own pickle or of a module like it.

    It imports and calls whatever the file says. A class of torch's that gradviz has under the same path is gradviz's.
    """
    table = {**builder.table(), "torch.Tensor": Tensor, "torch.nn.parameter.Parameter": Parameter}

    class Unpickler(module.Unpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            full = f"{module}.{name}"
            if full in table:
                return table[full]
            if module == "torch" or module.startswith("torch."):
                module = "gradviz" + module.removeprefix("torch")
            return super().find_class(module, name)

        def persistent_load(self, key: Any) -> Any:
            # ("module", class, source file, source): how files from before 1.6 write the class of a layer.
            return key[1] if isinstance(key, tuple) and key[:1] == ("module",) else builder.storage(key)

    return Unpickler(program, **options).load()


def named(program: bytes) -> list[str]:
    """The names that a pickle mentions, each once, in order; nothing is run."""
    found: dict[str, None] = {}
    texts: list[Any] = []
    memo: dict[int, Any] = {}
    for operation, argument in operations(program):
        if operation in ("GLOBAL", "INST"):
            found[argument.replace(" ", ".", 1)] = None
        elif operation == "STACK_GLOBAL":
            found[".".join(map(str, texts[-2:]))] = None
        elif "PUT" in operation or operation == "MEMOIZE":
            memo[len(memo) if argument is None else argument] = texts[-1] if texts else None
        elif "GET" in operation:
            texts.append(memo.get(argument))
        else:
            texts.append(argument)
    return list(found)
