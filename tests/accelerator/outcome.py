"""What a call does, written down to the last bit, and the same call both ways: by the accelerator and in Python."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import gradviz as torch
from gradviz.core import accelerator
from gradviz.core.clock import tick
from gradviz.core.node import Node, Output, Scalar

Inputs = tuple[Any, ...]


def taken() -> int:
    """How many calls the accelerator has made itself."""
    return int(accelerator._knows.taken)


def of_array(array: Any) -> tuple[Any, ...]:
    """An array: its numbers as bits, how it lies in memory, whose memory it is."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return (
        type(array).__name__,
        str(array.dtype),
        array.shape,
        array.strides,
        array.tobytes(),
        array.flags.writeable,
        array.flags.owndata,
        owner is not array,
    )


def of_tensor(x: Any, inputs: Inputs, graph: bool = True) -> Any:
    """A tensor: which input it is, or all about it and, unless it is part of that itself, the graph behind it."""
    for i, given in enumerate(inputs):
        if x is given:
            return f"input {i}"
    state = {k: v for k, v in vars(x).items() if k not in ("_base", "_views", "_accumulator")}
    base = None if x._base is None else of_tensor(x._base, inputs, graph)
    behind = of_edge(x._edge, inputs) if graph else x._edge and x._edge.node.name()
    return type(x), of_array(x._array), str(x.device), x._needs, base, plain(state), behind


def of_value(value: Any, inputs: Inputs, graph: bool = True) -> Any:
    """Whatever an operation returns or a node keeps."""
    if isinstance(value, torch.Tensor):
        return of_tensor(value, inputs, graph)
    if isinstance(value, Scalar):
        return "number", repr(value.number)
    if isinstance(value, np.ndarray):
        return of_array(value)
    if isinstance(value, (tuple, list)):
        return type(value), [of_value(v, inputs, graph) for v in value]
    return plain(value)


def plain(value: Any) -> str:
    """As text, without addresses."""
    return re.sub("0x[0-9a-f]+", "0x", repr(value))


def of_edge(edge: Any, inputs: Inputs) -> Any:
    """The graph behind a result, down to the leaves: all that a node is, and in which order nodes were made."""
    if edge is None:
        return None
    seen: dict[int, int] = {}
    said, waiting = [], [edge]
    for e in waiting:
        node = e.node
        if id(node) in seen:
            continue
        seen[id(node)] = len(seen)
        push = getattr(node.push, "__qualname__", node.push)
        alike = node.op is not None and node.push is node.op.__dict__.get("push_alike", 0)
        if node.op is None:
            saved: Any = of_tensor(node.variable, inputs, graph=False) if hasattr(node, "variable") else None
        else:
            saved = [of_value(v, inputs, graph=False) for v in node.saved]
        links = [None if p is None else (seen.get(id(p.node), "new"), p.nr) for p in node.parents]
        said.append(
            (
                node.name(),
                push,
                alike,
                node.shape,
                str(node.dtype),
                plain(node.extra),
                node.claim,
                node.path,
                links,
                saved,
            )
        )
        said[-1] += (str(node.device), node.incoming is None, isinstance(node, Node), isinstance(e, Output))
        waiting += [p for p in node.parents if p is not None]
    numbers = [e.node.seq for e in waiting]
    return said, [sorted(set(numbers)).index(n) for n in numbers]


def of_call(make: Callable[[], Inputs], call: Callable[..., Any], on: bool, backward: bool = True) -> Any:
    """What a call does with inputs made for it: its result or its error, the clock's ticks, warnings and gradients."""
    inputs = make()
    begun = tick()
    with accelerator.switched(on), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"gradviz\.")
        try:
            out = call(*inputs)
        except Exception as error:
            said = sorted({str(w.message) for w in warned})  # what failed is done again in Python
            return "raised", type(error), plain(str(error)), said
        ticks = tick() - begun
        outs = out if isinstance(out, (tuple, list)) else (out,)
        said = [of_value(o, inputs) for o in outs]
        versions = [x._version for x in inputs if isinstance(x, torch.Tensor) and not x._inference]
        gradients = []
        floats = [o for o in outs if isinstance(o, torch.Tensor) and o.requires_grad]
        if backward and floats:
            for o in floats:
                try:
                    torch.autograd.backward(o, torch.ones_like(o), retain_graph=True)
                except Exception as error:  # what the rules make of inputs that are none for them
                    gradients.append(("raised", type(error), plain(str(error))))
            gradients += [
                None if x.grad is None else of_array(x.grad._array) for x in inputs if torch.is_tensor(x) and x.is_leaf
            ]
    return "returned", type(out), said, ticks, versions, gradients, [str(w.message) for w in warned]


def same(make: Callable[[], Inputs], call: Callable[..., Any], where: str = "", backward: bool = True) -> None:
    """A call does the same both ways."""
    python, compiled = (of_call(make, call, on, backward) for on in (False, True))
    if python != compiled:
        pairs = itertools.zip_longest(python, compiled)
        apart = next(f"in Python {a!r}\ncompiled  {b!r}" for a, b in pairs if a != b)
        raise AssertionError(f"{where}:\n{apart}")
