"""The call that was refused: which operation, with which tensors, in which module, read from the error's frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gradviz.core.op import FUNCTIONS, METHODS, OPS
from gradviz.core.tensor import Tensor
from gradviz.core.whence import module_path
from gradviz.widgets.errors.evidence import Evidence, Frame

# Library functions whose own name is not what the learner calls.
SPOKEN = {"getitem": "index", "setitem": "index write"}
PLACES = ("gradviz.core.ops", "gradviz.nn.functional", "gradviz.linalg", "gradviz.fft", "gradviz.special")
HELPERS = {"call", "inplace", "found", "filled", "reduced"}


@dataclass
class Call:
    """One refused call: `given` are its tensors by the names the operation has for them."""

    name: str
    given: list[tuple[str, Tensor]]
    settings: dict[str, Any] = field(default_factory=dict)
    text: str = ""  # of the error
    path: str = ""
    module: str | None = None

    @property
    def shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        return [(name, tuple(x.shape)) for name, x in self.given]


def refused(evidence: Evidence) -> Call | None:
    """The call whose library code raised the error; None where it was the learner's own."""
    frames = evidence.frames
    last = max((i for i, f in enumerate(frames) if not f.ours), default=-1)
    inner = frames[last + 1 :]
    call = _by_function(inner) or _by_operation(inner) or _by_write(inner) or _by_module(inner)
    if call is None:
        return None
    call.text = evidence.text
    link: Any = None
    for frame in frames:
        if frame.name == "__call__" and frame.module == "gradviz.nn.modules.module":
            link = (link, frame.values["self"])
    call.path, call.module = module_path(link)
    return call


def _by_function(frames: list[Frame]) -> Call | None:
    """By the outermost function of the public surface: what the learner, or a layer, called."""
    import gradviz.nn.functional as functional

    for frame in frames:
        public = frame.name in FUNCTIONS or frame.name in METHODS or callable(getattr(functional, frame.name, None))
        if frame.name in HELPERS or not frame.module.startswith(PLACES) or not (public or frame.name in SPOKEN):
            continue
        given, settings = _arguments(frame)
        if given:
            at = next((f for f in frames if f.module == "gradviz.core.inplace" and f.name == "inplace"), None)
            name = SPOKEN.get(frame.name, frame.name)
            return Call(name + "_" * (at is not None and name[-1] != "_"), given, settings)
    return None


def _arguments(frame: Frame) -> tuple[list[tuple[str, Tensor]], dict[str, Any]]:
    """The tensors of a call by argument, a list's by their places, and what else it was given."""
    code = frame.code
    names = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    rest = code.co_argcount + code.co_kwonlyargcount
    if code.co_flags & 0x04:
        names.append(code.co_varnames[rest])
    given: list[tuple[str, Tensor]] = []
    settings: dict[str, Any] = {}
    for name in names:
        value = frame.values.get(name)
        if isinstance(value, Tensor):
            given.append((name, value))
        elif isinstance(value, tuple | list) and any(isinstance(x, Tensor) for x in value):
            given.extend((f"{name}[{i}]", x) for i, x in enumerate(value) if isinstance(x, Tensor))
            settings.update({f"{name}[{i}]": x for i, x in enumerate(value) if not isinstance(x, Tensor)})
        else:
            settings[name] = value
    return given, settings


def _by_operation(frames: list[Frame]) -> Call | None:
    """By the operation that was being performed."""
    for frame in frames:
        values = frame.values
        if frame.module == "gradviz.core.calls" and frame.name in OPS:
            op = OPS[frame.name]
            inputs = [values.get(k) for k in (op.inputs if len(op.inputs) > 1 else ("input",))]
            settings = {k: values[k] for k in op.settings if k in values}
        elif frame.module == "gradviz.core.dispatch" and "op" in values:
            op = values["op"]
            inputs = values["inputs"] if "inputs" in values else [values[k] for k in ("input", "other") if k in values]
            settings = dict(values.get("settings") or {})
        else:
            continue
        names = op.inputs if op.variadic is None else [str(i) for i in range(len(inputs))]
        given = [(name, x) for name, x in zip(names, inputs, strict=False) if isinstance(x, Tensor)]
        if given:
            return Call(op.name, given, settings)
    return None


def _by_write(frames: list[Frame]) -> Call | None:
    """By the in-place method that was refused before it began."""
    for frame in frames:
        target = frame.values.get("self")
        if frame.module == "gradviz.core.inplace" and frame.name == "inplace" and isinstance(target, Tensor):
            others = [(str(i), x) for i, x in enumerate(frame.values.get("args", ())) if isinstance(x, Tensor)]
            return Call(str(frame.values.get("name") or "write"), [("self", target), *others])
    return None


def _by_module(frames: list[Frame]) -> Call | None:
    """By the layer whose own check refused its input."""
    for frame in frames:
        owner = frame.values.get("self")
        if frame.name == "forward" and hasattr(owner, "named_parameters"):
            given, settings = _arguments(frame)
            return Call(type(owner).__name__, given, {**settings, "self": owner}) if given else None
    return None
