"""Calling an operation: compute on arrays and, if gradients will be wanted, leave a numbered node behind.

`run` is the whole story for any operation. `make_call` gives the two shapes that small programs are made of, one tensor
or two, a path without the general machinery; whatever is unusual about a call goes to `run`.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np

from gradviz.core.errors import noted

from . import accelerator, calls, errors, events, inference
from .clock import clock
from .device import CPU
from .held import FLOATS, INTS, SINGLE, hold
from .mode import current_module, grad_mode
from .node import Node, Output, Scalar, accumulator
from .operands import BFLOAT16, OPERANDS, narrowed, prepare
from .tensor import Tensor
from .views import note_view

# Infinities and NaN are values here, as in PyTorch; gradviz shows them in pictures rather than as NumPy's warnings.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"gradviz\.")

ndarray = np.ndarray
new = object.__new__
grad_enabled = grad_mode.get
module_link = current_module.get


def make_call(op: Any) -> Any:
    """The function that performs `op`, by its number of inputs."""
    if op.simple_call:
        call = _binary(op)
    elif op.one_tensor:
        call = _function(op)
    elif op.simple:
        call = written_out(op)
    elif op.variadic is not None and op.promote is None and not (op.outputs or op.kept_tensors or op.node_settings):
        call = _variadic(op)
    else:

        def call(*inputs: Any, **settings: Any) -> Any:
            return run(op, inputs, settings)

    call.__doc__ = (
        f"`{op.name}({', '.join(op.inputs)})`, recorded where an input requires grad. "
        f"https://docs.pytorch.org/docs/2.13/generated/torch.{op.name}.html"
    )
    return accelerator.in_front(op, _named(call, op), _mark_view)


def make_operator(op: Any) -> Any:
    """The method behind `a + b` for a two-tensor op: what it cannot combine it leaves to the other operand."""
    return accelerator.in_front(op, _named(_binary(op, operator=True), op))


def written_out(op: Any, *, with_aux: bool = False) -> Any:
    """The function that performs an operation with settings or more than two inputs: see calls.py."""
    return calls.make(
        op,
        {"run": run, "run_with_aux": run_with_aux, "explained": explained, "mark_view": _mark_view},
        with_aux=with_aux,
    )


def _named(call: Any, op: Any) -> Any:
    """The function under its operation's name. It has code of its own, since Python adapts code to how it is used."""
    call.__name__ = call.__qualname__ = op.name
    call.__code__ = call.__code__.replace(co_name=op.name, co_qualname=op.name)
    call.op = op
    return call


def _function(op: Any) -> Any:
    """One tensor and nothing else."""
    key, same, differentiable, view = op.name, op.promote == "float" or op.keeps, op.differentiable, op.view
    elementwise = op.elementwise
    saver = node_type = push_alike = None
    on_cpu = _cpu_forward(op, lambda found: look_up(found))

    def look_up(found: Any) -> None:
        nonlocal on_cpu
        on_cpu = found

    def call(input: Any) -> Any:
        nonlocal saver, node_type, push_alike
        try:
            x = input._array
        except AttributeError:
            return run(op, (input,), {})
        device = input.device
        try:
            out = on_cpu(x) if device is CPU else device.forwards[key](x)
        except (ValueError, TypeError) as error:
            if same and x.dtype.kind in "biu":
                return run(op, (input,), {})
            raise explained(op, (input,), error) from None
        if type(out) is not ndarray:
            out = device.wrap(out)
        kind = out.dtype
        if same and kind is not x.dtype:
            return run(op, (input,), {})
        result = new(Tensor)
        result._array = out
        result.device = device
        if differentiable and input._needs and grad_enabled():
            if saver is None:
                saver, node_type, push_alike = op.saver(1), op.node_type({}), op.push_alike
            edge = input._edge
            if edge is None:
                edge = accumulator(input)
            node = node_type()
            node.parents = (edge,)
            node.saved = saver(input, out, None, None)
            node.device = device
            shape = edge.shape if elementwise and kind is edge.dtype else out.shape
            if elementwise and kind is SINGLE and device is CPU and shape and kind is edge.dtype:
                node.push = push_alike
            else:
                node.push = op.push if kind.kind != "c" else None
            node.shape = shape
            node.dtype = kind
            node.path = module_link()
            node.extra = node.claim = None
            node.seq = next(clock)
            if inference.ever:
                inference.refuse_saved(node.saved)
            result._edge = node
            result._needs = True
        else:
            result._edge = None
            result._needs = False
        if view:
            _mark_view(input, result)
        if events.watching:
            events.tell(events.Forward, (op, (input,), result, {}))
        return result

    return call


def _binary(op: Any, operator: bool = False) -> Any:
    """Two tensors, or a tensor and a number."""
    key, differentiable = op.name, op.differentiable
    same = op.promote == "float"
    keeps_type = op.promote is not None
    alike = keeps_type and op.elementwise
    tensors_only = op.numbers == "none"
    # The commonest case needs no saver: the rules name both inputs and nothing else.
    both = op.kept == tuple(("input", x) for x in op.inputs)
    keeps, saver = bool(op.kept), op.saver
    node_type: Any = None
    number_type: Any = None
    push_alike: Any = None
    on_cpu = _cpu_forward(op, lambda found: look_up(found))

    def look_up(found: Any) -> None:
        nonlocal on_cpu
        on_cpu = found

    def call(input: Any, other: Any) -> Any:
        nonlocal node_type, push_alike
        kind = type(other)
        if kind is not Tensor and (kind is float or kind is int):
            return _with_number(input, other)
        try:
            x = input._array
            y = other._array
        except AttributeError:
            return NotImplemented if operator and not isinstance(other, OPERANDS) else run(op, (input, other), {})
        device = input.device
        kind = x.dtype
        if kind is not y.dtype or device is not other.device:
            return run(op, (input, other), {})
        try:
            out = on_cpu(x, y) if device is CPU else device.forwards[key](x, y)
        except (ValueError, TypeError) as error:
            if same and kind.kind in "biu":
                return run(op, (input, other), {})
            raise explained(op, (input, other), error) from None
        if type(out) is not ndarray:
            out = device.wrap(out)
        if same and out.dtype is not kind:
            return run(op, (input, other), {})
        result = new(Tensor)
        result._array = out
        result.device = device
        if differentiable and (input._needs or other._needs) and grad_enabled():
            if node_type is None:
                node_type, push_alike = op.node_type({}), op.push_alike
            a, b = input._edge, other._edge
            if a is None and input._needs:
                a = accumulator(input)
            if b is None and other._needs:
                b = accumulator(other)
            node = node_type()
            node.parents = (a, b)
            if a is None:
                shape = out.shape
                fits = alike and shape == b.shape
                node.saved = saver(2)(input, other, out, None, None) if keeps else ()
            elif b is None:
                shape = out.shape
                fits = alike and shape == a.shape
                node.saved = saver(1)(input, other, out, None, None) if keeps else ()
            else:
                shape = a.shape
                fits = alike and (shape is b.shape or shape == b.shape)
                if not fits:
                    shape = out.shape
                node.saved = () if not keeps else (input, other) if both else saver(3)(input, other, out, None, None)
            if fits and kind is SINGLE and device is CPU and shape:
                node.push = push_alike
            else:
                node.push = op.push if kind.kind != "c" else None
            node.device = device
            node.shape = shape
            node.dtype = kind if keeps_type else out.dtype
            node.path = module_link()
            node.extra = node.claim = None
            node.seq = next(clock)
            if inference.ever:
                inference.refuse_saved(node.saved)
            result._edge = node
            result._needs = True
        else:
            result._edge = None
            result._needs = False
        if events.watching:
            events.tell(events.Forward, (op, (input, other), result, {}))
        return result

    def _with_number(input: Any, other: Any) -> Any:
        """A tensor and a Python number; NumPy treats the number as weak, as PyTorch does inside a category."""
        nonlocal number_type
        if tensors_only or not isinstance(input, Tensor):
            return run(op, (input, other), {})
        x, device = input._array, input.device
        dtype = x.dtype
        if dtype is SINGLE and device is CPU:
            held = (FLOATS if type(other) is float else INTS).get(other)
            if held is None:
                held = hold(other)
            out = on_cpu(x, held._array)
        elif dtype.kind == "f":
            held = Scalar(other)
            out = device.forwards[key](x, other)
        else:
            return run(op, (input, other), {})
        if type(out) is not ndarray:
            out = device.wrap(out)
        result = new(Tensor)
        result._array = out
        result.device = device
        if differentiable and input._needs and grad_enabled():
            if number_type is None:
                number_type = op.node_type({}, True)
            edge = input._edge
            if edge is None:
                edge = accumulator(input)
            node = number_type()
            node.parents = (edge, None)
            node.saved = saver(1)(input, held, out, None, None) if keeps else ()
            node.device = device
            node.shape = shape = edge.shape
            node.dtype = out.dtype
            node.push = op.push_alike if alike and dtype is SINGLE and device is CPU and shape else op.push
            node.path = module_link()
            node.extra = node.claim = None
            node.seq = next(clock)
            if inference.ever:
                inference.refuse_saved(node.saved)
            result._edge = node
            result._needs = True
        else:
            result._edge = None
            result._needs = False
        if events.watching:
            events.tell(events.Forward, (op, (input, other), result, {}))
        return result

    return call


def _variadic(op: Any) -> Any:
    """Any number of tensors of one device, and settings."""
    key, differentiable = op.name, op.differentiable
    saver = node_type = None

    def call(*inputs: Any, **settings: Any) -> Any:
        nonlocal saver, node_type
        arrays, wanted = [], False
        try:
            device = inputs[0].device
            for x in inputs:
                array = x._array
                if x.device is not device or array.dtype is BFLOAT16:
                    return run(op, inputs, settings)
                arrays.append(array)
                if x._needs:
                    wanted = True
        except (AttributeError, IndexError):
            return run(op, inputs, settings)
        try:
            out = device.forwards[key](*arrays, **settings)
        except (ValueError, TypeError) as error:
            raise explained(op, inputs, error) from None
        node = None
        if wanted and differentiable and out.dtype.kind not in "biu" and grad_enabled():
            parents = tuple([None if not x._needs else accumulator(x) if x._edge is None else x._edge for x in inputs])
            if saver is None:
                saver, node_type = op.saver(1), op.node_type({})
            node = make_node(node_type, parents, saver(inputs, out, settings, None), out, device)
        result = Tensor._made(out, device, node)
        if events.watching:
            events.tell(events.Forward, (op, inputs, result, settings))
        return result

    return call


def _cpu_forward(op: Any, changed: Any) -> Any:
    """The op's forward on the commonest device; `changed` is told when it is overridden."""
    op.overridden.append(lambda: changed(CPU.forwards[op.name]))
    return CPU.forwards[op.name]


def run(op: Any, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """Perform any operation: any number of inputs, numbers and None among them, settings, several outputs."""
    return run_with_aux(op, inputs, settings)[0]


def run_with_aux(op: Any, inputs: tuple[Any, ...], settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The same, and the values only the forward knows."""
    arrays, device, opened = prepare(op, inputs)
    try:
        out = device.forwards[op.name + "!"](*arrays, **settings)
    except (ValueError, TypeError) as error:
        raise explained(op, opened, error) from None
    aux = None
    if op.aux:
        out, aux = out
    if op.outputs:
        out = tuple(o if type(o) is device.array_type else device.wrap(o) for o in out)
    elif type(out) is not device.array_type:
        out = device.wrap(out)
    for array in arrays:
        if getattr(array, "dtype", None) is BFLOAT16:
            out = narrowed(arrays, settings, out)
            break
    result = record(op, opened, out, settings, aux, device)
    if op.view:
        _mark_views(opened[0], result)
    if events.watching:
        events.tell(events.Forward, (op, inputs, result, settings))
    return result, {name: Tensor._of(value, device) for name, value in aux.items()} if aux else {}


def explained(op: Any, inputs: tuple[Any, ...], error: Exception) -> Exception:
    """PyTorch's error for shapes that cannot be combined; other errors as they are."""
    if isinstance(error, TypeError) and op.name.startswith("bitwise"):
        return errors.no_kernel(f"{op.name}_cpu", next(x for x in inputs if isinstance(x, Tensor)))
    if isinstance(error, TypeError):
        text = errors.bool_arithmetic(op.name, inputs)
        return noted(RuntimeError(text)) if text else error
    shapes = [tuple(x._array.shape) for x in inputs if isinstance(x, Tensor)]
    if "broadcast" not in str(error) or len(shapes) < 2:
        return error
    for a, b in itertools.combinations(shapes, 2):
        text = errors.broadcast(op.name, a, b)
        if text.startswith("The size"):
            return noted(RuntimeError(text))
    return RuntimeError(str(error))


def record(op: Any, inputs: tuple[Any, ...], out: Any, settings: dict[str, Any], aux: Any, device: Any) -> Any:
    """Wrap what was computed, with a node behind it if any input wants a gradient and has a rule."""
    node: Any = None
    if op.differentiable and grad_enabled():
        parents: list[Any] = []
        mask, bit = 0, 1
        numbers = False
        for i, x in enumerate(inputs):
            if not isinstance(x, Tensor):
                numbers = True
                parents.append(None)
            elif x._needs and op.ruled[0 if op.variadic else i]:
                parents.append(accumulator(x) if x._edge is None else x._edge)
                mask |= bit
            else:
                parents.append(None)
            bit <<= 1
        first = out[0] if op.outputs and out else out
        if mask and first.dtype.kind not in "biu":
            kept = tuple(x if isinstance(x, Tensor) else Scalar(x) for x in inputs) if numbers else inputs
            last_is_number = numbers and not isinstance(inputs[-1], Tensor)
            saved = op.saver(1)(kept, out, settings, aux) if op.variadic else op.saver(mask)(*kept, out, settings, aux)
            if inference.ever:
                inference.refuse_saved(saved)
            node = make_node(op.node_type(settings, last_is_number), tuple(parents), saved, first, device)
            if op.outputs:
                node.shape, node.shapes = None, tuple((o.shape, o.dtype) for o in out)
    if not op.outputs:
        return Tensor._made(out, device, node)
    edges = [
        None if node is None or o.dtype.kind in "biu" else Output(node, i, o.shape, o.dtype) for i, o in enumerate(out)
    ]
    return tuple(Tensor._made(o, device, e) for o, e in zip(out, edges, strict=True))


def _mark_view(source: Any, result: Any) -> None:
    """An output that shares memory with the input knows its base."""
    base = result._base = source if source._base is None else source._base
    if base._edge is not None or not base._needs:  # a leaf that requires grad is never written: no need to know
        note_view(base, result)
    if source._multi:
        result._multi = True


def _mark_views(source: Any, result: Any) -> None:
    """Outputs that share memory with the input know their base, and share its write history."""
    base = source._base if source._base is not None else source
    many = isinstance(result, tuple)
    for tensor in result if many else (result,):
        tensor._base = base
        note_view(base, tensor)
        if many:
            tensor._multi = True


def make_node(node_type: type[Node], parents: tuple[Any, ...], saved: Any, out: Any, device: Any) -> Any:
    """A node with the next number, whose result is `out`."""
    node = node_type()
    node.parents, node.saved, node.device = parents, saved, device
    node.shape, node.dtype = out.shape, out.dtype
    node.push = node_type.op.push if out.dtype.kind != "c" else None
    node.path = module_link()
    node.extra = node.claim = None
    node.seq = next(clock)
    return node
