"""The graph of a model as TensorBoard draws it, from a recording of one run.

    input/x            IO Node             what the model was given
    Net/Linear[fc]/weight/weight           a parameter or buffer, in the module it belongs to
    Net/Linear[fc]/addmm                   an operation, in the module that ran it; its inputs by name
    output/output.1    IO Node             what came out

The boxes are PyTorch's: the class of each module, with its name in the one around it. What is in them is gradviz's own
graph, operation by operation, as its other pictures show it.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Iterator
from typing import Any

from tensorboard.compat.proto.attr_value_pb2 import AttrValue
from tensorboard.compat.proto.config_pb2 import RunMetadata
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.step_stats_pb2 import DeviceStepStats, StepStats
from tensorboard.compat.proto.versions_pb2 import VersionDef

from gradviz.core.errors import noted
from gradviz.core.record import record
from gradviz.core.tensor import Tensor

from .messages import shape_of

STRICT = (
    "Encountering a {0} at the output of the tracer might cause the trace to be incorrect, this is only valid if the "
    "container structure does not change based on the module's inputs. Consider using a constant container instead "
    "(e.g. for `list`, use a `tuple` instead. for `dict`, use a `NamedTuple` instead). If you absolutely need this and "
    "know the side effects, pass strict=False to trace() to allow this behavior.\n"
    "The model gave a {0}; here it is add_graph(..., use_strict_trace=False)."
)


def graph(model: Any, args: Any, verbose: bool = False, use_strict_trace: bool = True) -> tuple[Any, Any]:
    """Runs a model once, in evaluation mode, and gives its graph and (empty) run statistics.

    `args` is the model's input, or a tuple of them. With `use_strict_trace`, RuntimeError is raised for a dict in what
    the model gives, and a warning given for a list.
    """
    if args is None:
        raise TypeError("add_graph: input_to_model is needed, the model is run on it to see its graph")
    args = (args,) if isinstance(args, Tensor | dict) else tuple(args)
    names = _names(model, args)
    with _evaluating(model):
        try:
            with record(names={name: tensor for tensor, name in names.values()}) as tape:
                output = model(*args)
            if use_strict_trace:
                _check_containers(output)
        except RuntimeError as error:
            print(error)
            print("Error occurs, No graph saved")
            raise
    nodes = _nodes(tape, model, output, {name for _, name in names.values()})
    if verbose:
        for node in nodes:
            print(f"{node.name} = {node.op}({', '.join(node.input)})")
    statistics = RunMetadata(step_stats=StepStats(dev_stats=[DeviceStepStats(device="/device:CPU:0")]))
    return GraphDef(node=nodes, versions=VersionDef(producer=22)), statistics


def _check_containers(output: Any) -> None:
    """A dict or list may hold another number of things in another run than the one that is drawn."""
    if isinstance(output, dict):
        raise noted(RuntimeError(STRICT.format("dict")))
    if isinstance(output, list):
        warnings.warn(STRICT.format("list").partition("\n")[0], stacklevel=4)
    if isinstance(output, list | tuple):
        for part in output:
            _check_containers(part)


@contextlib.contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """The model in evaluation mode; each module is afterwards in the mode it was in."""
    before = [(module, module.training) for module in model.modules()]
    model.train(False)
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def _names(model: Any, args: tuple[Any, ...]) -> dict[int, tuple[Tensor, str]]:
    """What inputs, parameters and buffers are called in the graph, by their ids."""
    boxes = Boxes(model)
    names: dict[int, tuple[Tensor, str]] = {}
    for path, tensor in (*model.named_parameters(), *model.named_buffers()):
        place, _, name = path.rpartition(".")
        names[id(tensor)] = (tensor, f"{boxes[place]}/{name}/{name}")
    try:
        called = list(inspect.signature(model.forward).bind(*args).arguments.items())
    except TypeError:
        called = [(f"input.{i + 1}", x) for i, x in enumerate(args)]  # the call itself will say what is wrong
    for name, value in called:
        for path, tensor in tensors_in(value, name):
            names.setdefault(id(tensor), (tensor, f"input/{path}"))
    return names


def tensors_in(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors in a value of tuples, lists and dicts, each with its path."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, tuple | list | dict):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from tensors_in(part, f"{name}.{key}")


class Boxes(dict[str, str]):
    """The box of each module by its path: "features.0" is in Net/Sequential[features]/Conv2d[0]."""

    def __init__(self, model: Any) -> None:
        super().__init__({"": type(model).__name__})
        for path, module in model.named_modules(remove_duplicate=False):
            if path:
                outer, _, name = path.rpartition(".")
                self[path] = f"{self[outer]}/{type(module).__name__}[{name}]"

    def __missing__(self, path: str) -> str:
        """That of a module which is no part of the model but ran in it."""
        outer, _, name = path.rpartition(".")
        return f"{self[outer]}/{name}"


def _nodes(tape: Any, model: Any, output: Any, given_names: set[str]) -> list[Any]:
    """All nodes, inputs and outputs first."""
    boxes = Boxes(model)
    results = [tensor for _, tensor in tensors_in(output, "output")]
    last = [tape.ordinal(tensor) for tensor in results]
    rows = tape.recording.nodes
    names = _unique(rows, boxes, given_names)
    given, inside = [], []
    for row, name in zip(rows, names, strict=True):
        inputs = [names[entry["n"]] for entry in row["inputs"] if entry.get("n") is not None]
        if row["kind"] == "op":
            told = {**{e["slot"]: e["value"] for e in row["inputs"] if "value" in e}, **row["settings"]}
            about = ", ".join(f"{key}: {value}" for key, value in told.items()).replace("'", " ")
            inside.append(_node(name, row["op"], inputs, row["shape"], f"{{{about}}}"))
        elif name.startswith("input/"):
            given.append(_node(name, "IO Node", [], row["shape"], ""))
        else:
            inside.append(_node(name, "Parameter" if row["kind"] == "leaf" else "Constant", [], row["shape"], "{}"))
    if isinstance(output, Tensor):
        end = _node("output/output.1", "IO Node", [names[last[0]]], results[0].shape, "")
    else:
        packed = f"{boxes['']}/{type(output).__name__}"
        inside.append(_node(packed, "output", [names[n] for n in last], None, "{}"))
        end = _node("output/output.1", "IO Node", [packed], [1], "")
    return [*given, end, *inside]


def _unique(rows: list[dict[str, Any]], boxes: Boxes, given: set[str]) -> list[str]:
    """What the nodes of a recording are called: inputs and parameters as was given, the others in their boxes."""
    used = set(given)
    names = []
    for row in rows:
        name = row["label"]
        if row["kind"] == "op" or name not in given:
            box = boxes[row["path"] or ""] if row["kind"] == "op" else boxes[""]
            wanted = name = f"{box}/{name}"
            count = 1
            while name in used:  # two values that a variable had one after the other
                count += 1
                name = f"{wanted}_{count}"
            used.add(name)
        names.append(name)
    return names


def _node(name: str, op: str, inputs: list[str], shape: Any, about: str) -> Any:
    attributes = {"attr": AttrValue(s=about.encode())}
    if shape is not None:
        attributes["_output_shapes"] = AttrValue(list=AttrValue.ListValue(shape=[shape_of(shape)]))
    return NodeDef(name=name, op=op, input=inputs, attr=attributes)
