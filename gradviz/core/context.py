"""What `ctx` is in the methods of a `torch.autograd.Function`: the graph node of the call."""

from __future__ import annotations

from typing import Any, ClassVar

from gradviz.core.errors import noted

from . import errors
from .clock import cell_of
from .node import Freed, Node, Output
from .saved import Defaults, Packed, pack
from .tensor import Tensor


class FunctionCtx(Node):
    """What `ctx` offers in a Function's forward and backward. It is the node of the call."""

    function: ClassVar[Any] = None
    called: ClassVar[bool] = True  # its backward runs even where no gradient arrives
    materialize_grads = True
    needs_input_grad: tuple[bool, ...] = ()
    to_save: tuple[Any, ...] | None = None
    saved_for_forward: tuple[Any, ...] = ()
    dirty_tensors: tuple[Any, ...] | None = None
    non_differentiable: tuple[Any, ...] | None = None
    _positions: tuple[int, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for backward, which finds them in `ctx.saved_tensors`."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep tensors for `jvp`; forward mode is not run here, so nobody asks for them."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise AssertionError(
                    "save_for_forward expects all arguments to be tensors; you should save non-tensors as attributes "
                    "on ctx."
                )
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Any) -> None:
        """Say which inputs were written in place; they must be returned."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Any) -> None:
        """Say which outputs have no gradient."""
        self.non_differentiable = args

    def mark_shared_storage(self, *pairs: Any) -> None:
        """Nothing to do: memory that is shared is noticed."""
        import warnings

        warnings.warn(
            "mark_shared_storage is deprecated. Tensors with shared storages are automatically tracked. Note that "
            "calls to `set_()` are not tracked",
            FutureWarning,
            stacklevel=2,
        )

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for outputs that received no gradient."""
        self.materialize_grads = value

    @property
    def keeps_tensors(self) -> bool:
        return bool(self.saved)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors kept by `save_for_backward`, checked for being overwritten."""
        if self.saved.__class__ is Freed:
            raise noted(RuntimeError(errors.freed(self)))
        self.check_stale()
        return tuple(self._open(value) for value in self.saved)

    saved_variables = saved_tensors

    @property
    def _raw_saved_tensors(self) -> tuple[Any, ...]:
        from .raw_saved import SavedTensor

        return tuple(SavedTensor(self, i) for i in range(len(self.saved)))

    def keep(self, outputs: tuple[Any, ...], args: tuple[Any, ...]) -> None:
        """Take in what forward saved; called once the outputs are known."""
        own = {id(o): i for i, o in enumerate(outputs) if isinstance(o, Tensor) and not any(o is a for a in args)}
        hooked = Defaults.get() is not None
        kept: list[Any] = []
        for i, t in enumerate(self.to_save or ()):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type {type(t).__name__}"
                )
            nr = own.get(id(t))
            if t is None:
                kept.append(None)
            elif hooked:
                packed = pack(t, own=nr)
                kept.append(packed if nr is None else _Own(nr, packed))
            else:
                kept.append(t if nr is None else _Own(nr, t._array, t))
        self.saved = tuple(kept)

    def _open(self, value: Any) -> Any:
        if isinstance(value, Packed):
            return value.open(self)
        if not isinstance(value, _Own):
            return value
        array = value.array.open(self)._array if isinstance(value.array, Packed) else value.array
        fixed = self.shape is None and self.shapes[value.nr] is None
        edge = self if self.shape is not None else Output(self, value.nr, array.shape, array.dtype)
        return Tensor._made(array, self.device, None if fixed or value.fixed else edge)

    def check_stale(self) -> None:
        for value in self.saved:
            if isinstance(value, Tensor):
                base = value._base if value._base is not None else value
                if base._cell is not None and base._cell.stamp > self.seq:
                    raise noted(RuntimeError(errors.stale(self, "a tensor", value, base._cell)))
            elif isinstance(value, _Own) and value.cell is not None and value.cell.stamp > self.seq:
                raise noted(RuntimeError(errors.stale(self, "its result", value.array, value.cell)))

    def apply(self, g: Any, create_graph: bool) -> list[Any]:
        """Call the user's backward; raw arrays in and out unless the gradient itself is recorded."""
        arrived = (g,) if self.shape is not None else g
        grads = [self._given(i, x) for i, x in enumerate(arrived)]
        answer = self.function._backward_of()(self, *grads)
        answer = answer if isinstance(answer, tuple) else (answer,)
        count = len(self.needs_input_grad)
        if len(answer) > count and all(a is None for a in answer[count:]):
            answer = answer[:count]
        if len(answer) != count:
            raise noted(RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {count}, got {len(answer)})\n"
                f"{self.function.__name__}.backward must return one gradient, or None, per argument of forward."
            ))  # fmt: skip
        for position, value in enumerate(answer):
            if value is not None and position not in self._positions:
                raise noted(RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position {position + 1}, but "
                    "the corresponding forward input was not a Variable\nReturn None for what is no tensor."
                ))  # fmt: skip
        made: list[Any] = []
        for edge, position in zip(self.parents, self._positions, strict=True):
            value = answer[position]
            if value is None:
                made.append(None)
                continue
            if not isinstance(value, Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(value).__name__})")
            if edge is None:
                made.append(None)
                continue
            self._check(position, value, edge)
            made.append(value if create_graph else value._array)
        return made

    def _check(self, position: int, value: Tensor, edge: Any) -> None:
        """Refuse a gradient that does not fit its input."""
        got, want = value._array.shape, edge.shape
        lead = len(got) - len(want)
        fits = lead >= 0 and all(b in (a, 1) for a, b in zip(got[lead:], want, strict=True))
        if not fits:
            raise noted(RuntimeError(errors.function_gradient(self, position, got, want)))
        if value._array.dtype.kind == "c" and edge.dtype.kind != "c":
            raise noted(RuntimeError(errors.complex_for_real(self, position)))

    def _given(self, index: int, x: Any) -> Any:
        if x is None:
            made = self.shapes[index] if self.shape is None else (self.shape, self.dtype)
            if not self.materialize_grads or made is None:
                return None
            shape, dtype = made
            return Tensor._of(self.device.xp.zeros(shape, dtype=dtype), self.device)
        return x if isinstance(x, Tensor) else Tensor._of(self.device.wrap(x), self.device)


class _Own:
    """One of a node's own outputs, kept without referring to the tensor (which refers to the node)."""

    __slots__ = ("array", "cell", "fixed", "nr")

    def __init__(self, nr: int, array: Any, tensor: Any = None) -> None:
        self.nr, self.array = nr, array
        self.cell: Any = None if tensor is None else cell_of(tensor)
        self.fixed = tensor is not None and not tensor._needs
