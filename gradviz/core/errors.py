"""The texts of errors: PyTorch's first sentence, then what this case was, then the usual fix."""

from __future__ import annotations

import math
import re
import warnings
from typing import Any, TypeVar

E = TypeVar("E", bound=BaseException)


def noted(error: E) -> E:
    """The error with its first line as its text, which is PyTorch's, and the rest as a note.

    A traceback shows both; `str(error)` and `print(error)` are what they are under PyTorch.
    """
    text, _, note = str(error.args[0]).partition("\n")
    error.args = (text, *error.args[1:])
    if note:
        error.add_note(note)
    return error


NON_LEAF_REQUIRES_GRAD = (
    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph "
    "that doesn't require differentiation use var_no_grad = var.detach()."
)
DEEPCOPY_NON_LEAF = (
    "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
    "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, "
    "see https://github.com/pytorch/pytorch/pull/103001"
)
OVERLAP = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
    "Please clone() the tensor before performing the operation.\nThis tensor is an expanded view: its rows are one row."
)
PARTIAL_OVERLAP = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
    "location. Please clone() the tensor before performing the operation.\n"
    "Both are views of one memory and lie partly over each other: what is read would change while it is read."
)
NO_GRAPH = "element 0 of tensors does not require grad and does not have a grad_fn"


def integer_requires_grad(dtype: Any, kinds: str = "floating point and complex") -> str:
    return (
        f"only Tensors of {kinds} dtype can require gradients\n"
        f"This tensor is {dtype!r}. Make it floating first: x = x.float().requires_grad_()."
    )


def item_of_many(shape: tuple[int, ...]) -> str:
    return (
        f"a Tensor with {math.prod(shape)} elements cannot be converted to Scalar\n"
        f"Its shape is {tuple(shape)}. Reduce it first (.sum(), .mean()), pick one element (x[0]), or use .tolist()."
    )


def number_of_many(shape: tuple[int, ...]) -> Exception:
    case = item_of_many(shape).partition("\n")[2]
    return noted(ValueError(f"only one element tensors can be converted to Python scalars\n{case}"))


def bool_of_many(shape: tuple[int, ...]) -> Exception:
    if 0 in shape:
        text = "no values is ambiguous\n{} Ask x.numel() > 0 for emptiness."
    else:
        text = "more than one value is ambiguous\n{} Say which is meant: (x > 0).all() or (x > 0).any()."
    return noted(RuntimeError("Boolean value of Tensor with " + text.format(f"Its shape is {tuple(shape)}.")))


def dim_range(dim: int, ndim: int) -> str:
    low, high = (-1, 0) if ndim == 0 else (-ndim, ndim - 1)
    return f"Dimension out of range (expected to be in range of [{low}, {high}], but got {dim})"


def freed(node: Any) -> str:
    who = f"\nThe values that {node.name()} had kept were freed"
    where = getattr(node.saved, "where", "")
    by = f" by the backward call at {where}" if where else ""
    return (
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
        "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
        "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
        f"saved tensors after calling backward.{who}{by}. Run the forward again, or call .backward(retain_graph=True)."
    )


def stale(node: Any, name: str, value: Any, cell: Any) -> str:
    array = getattr(value, "_array", value)
    expected = cell.version_at(node.seq)
    edge = getattr(value, "_edge", None) if hasattr(value, "_array") else node
    of = f", which is output {edge.nr} of {_short(edge.node.name())}," if edge is not None else ""
    where = cell.write_after(node.seq)
    written = f" at {where}" if where else ""
    kind = f"{type_name(value, array)} {list(array.shape)}"
    return (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{kind}]{of} is at version {cell.version}; expected version {expected} instead. "
        f"{_stale_hint()}\n"
        f"{node.name()} kept {name} and it was overwritten{written}. "
        "Write out of place (y = y + 1 instead of y += 1), or .clone() before the in-place operation."
    )


def _stale_hint() -> str:
    from .anomaly import Anomaly

    if Anomaly.enabled:
        return (
            "Hint: the backtrace further above shows the operation that failed to compute its gradient. The variable "
            "in question was changed in there or anywhere later. Good luck!"
        )
    return (
        "Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )


def _short(name: str) -> str:
    """`MulBackward0` as error texts say it: `Mul`; `FillBackward2` is `Fill2`."""
    return re.sub(r"Backward(0$)?", "", name)


_LEGACY = {
    "float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "int64": "Long",
    "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool",
    "complex64": "ComplexFloat", "complex128": "ComplexDouble",
    "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64",
}  # fmt: skip


def scalar_type(dtype: Any) -> str:
    """The name error texts give a type: Float, Double, Long."""
    return _LEGACY[getattr(dtype, "name", str(dtype))]


_C_NAMES = {
    "uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int32": "int", "int64": "long int",
    "uint16": "short unsigned int", "uint32": "unsigned int", "uint64": "long unsigned int",
    "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip


def c_name(kind: Any) -> str:
    """The name C++ gives a type in errors: `float`, `double`, `long int`."""
    name = getattr(kind, "name", str(kind))
    return _C_NAMES.get(name, name)


def no_kernel(kernel: str, x: Any, fix: str = "") -> NotImplementedError:
    """PyTorch's refusal of an element type, by the name of its inner loop; `x` is a type or anything that has one."""
    kind = getattr(x, "dtype", x)
    name = scalar_type(kind)
    if not fix:
        fix = _FIXES.get(name, "Convert it first: x = x.float().")
    return noted(NotImplementedError(f"\"{kernel}\" not implemented for '{name}'\n{fix}"))


# What to do about a type that is refused: others are too narrow, or not floating.
_FIXES = dict.fromkeys(("Float", "Double"), "Convert it first: x = x.long().") | dict.fromkeys(
    ("ComplexFloat", "ComplexDouble"), "Take its size or a part of it first: x.abs(), x.real."
)


def type_name(value: Any, array: Any) -> str:
    place = "torch" if getattr(getattr(value, "device", None), "type", "cpu") == "cpu" else "torch.cuda"
    return f"{place}.{scalar_type(array.dtype)}Tensor"


def non_scalar(shape: tuple[int, ...]) -> str:
    return (
        "grad can be implicitly created only for scalar outputs\n"
        f"This output has shape {tuple(shape)}. Reduce it to one number first (y.sum() or y.mean()), or give the "
        "weights: y.backward(gradient=torch.ones_like(y))."
    )


def complex_output(dtype: Any) -> str:
    return (
        f"grad can be implicitly created only for real scalar outputs but got torch.{dtype.name}\n"
        "Make one real number of it first (.abs(), .real), or give the weight: y.backward(gradient=...)."
    )


def mixed_complex_gradient(index: int, got: Any, want: Any) -> str:
    return (
        "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
        f"grad_output[{index}] has a dtype of torch.{got.name} and output[{index}] has a dtype of torch.{want.name}."
    )


def no_graph(tensor: Any) -> str:
    return (
        f"{NO_GRAPH}\nThis tensor of shape {tuple(tensor._array.shape)} was computed from nothing that requires grad, "
        "or under no_grad, or after detach(). Make the leaf with requires_grad=True before computing from it."
    )


def leaf_inplace(tensor: Any) -> str:
    return (
        "a leaf Variable that requires grad is being used in an in-place operation.\n"
        f"The leaf has shape {tuple(tensor._array.shape)}. Update it inside `with torch.no_grad():`, or compute a new "
        "tensor instead."
    )


def leaf_view_inplace(tensor: Any) -> str:
    return (
        "a view of a leaf Variable that requires grad is being used in an in-place operation.\n"
        f"The view has shape {tuple(tensor._array.shape)}. Update it inside `with torch.no_grad():`, or .clone() the "
        "leaf first."
    )


_SEVERAL = (
    "This view is the output of a function that returns multiple views. Such functions do not allow the output views "
    "to be modified inplace. You should replace the inplace operation by an out-of-place one."
)
_IN_NO_GRAD = "A view was created in no_grad mode and is being modified inplace with grad mode enabled. "
NO_GRAD_VIEW = (
    _IN_NO_GRAD + "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code "
    "by moving both the view and the inplace either both inside the no_grad block (if you don't want the inplace to be "
    "tracked) or both outside (if you want the inplace to be tracked)."
)


def multi_view(tensor: Any) -> str:
    if tensor._edge is None:
        return _IN_NO_GRAD + _SEVERAL
    who = f"Output {tensor._edge.nr} of {_short(tensor._edge.node.name())}"
    return f"{who} is a view and is being modified inplace. {_SEVERAL}"


def index_put_types(want: Any, have: Any) -> str:
    return (
        "Index put requires the source and destination dtypes match, "
        f"got {scalar_type(want)} for the destination and {scalar_type(have)} for the source.\n"
        f"Convert the value first: value.to({want!r})."
    )


def out_requires_grad(name: str) -> str:
    return (
        f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments "
        "requires grad.\nLeave `out` away, or call it inside `with torch.no_grad():`."
    )


def out_resized(have: tuple[int, ...], want: tuple[int, ...]) -> str:
    return (
        f"An output with one or more elements was resized since it had shape {list(have)}, which does not match the "
        f"required output shape {list(want)}. This behavior is deprecated, and in a future PyTorch release outputs "
        "will not be resized unless they have zero elements. You can explicitly reuse an out tensor t by resizing it, "
        "inplace, to zero elements with t.resize_(0)."
    )


def devices_differ(name: str, inputs: tuple[Any, ...]) -> str:
    found = [x.device for x in inputs if hasattr(x, "_array")]
    kinds = list(dict.fromkeys(str(d) for d in found))
    shapes = ", ".join(f"{x.device}: {tuple(x._array.shape)}" for x in inputs if hasattr(x, "_array"))
    return (
        f"Expected all tensors to be on the same device, but found at least two devices, {kinds[0]} and {kinds[-1]}!\n"
        f"{name} got {shapes}. Move them together first: x = x.to({kinds[0]!r})."
    )


def bad_argument(name: str, inputs: tuple[str, ...], value: Any) -> str:
    return (
        f"{name}(): argument must be Tensor, not {type(value).__name__}\n"
        f"{name} takes ({', '.join(inputs)}); got {_clipped(value)}. Make a tensor of it: torch.tensor(...) or "
        "torch.from_numpy(...)."
    )


def bad_combination(name: str, inputs: tuple[Any, ...]) -> str:
    kinds = ", ".join("Tensor" if hasattr(x, "_array") else type(x).__name__ for x in inputs)
    return (
        f"{name}() received an invalid combination of arguments - got ({kinds}), but expected one of:\n"
        f"{name} works on tensors, of which the last may be a number. Make a tensor first: torch.tensor(...)."
    )


def _clipped(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def broadcast(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> str:
    """Which dimension keeps two shapes from being combined."""
    for back in range(1, min(len(a), len(b)) + 1):
        if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
            at = max(len(a), len(b)) - back
            return (
                f"The size of tensor a ({a[-back]}) must match the size of tensor b ({b[-back]}) at non-singleton "
                f"dimension {at}\n{name} got shapes {tuple(a)} and {tuple(b)}: counted from the right, sizes must be "
                "equal or 1. Use .unsqueeze(), .reshape() or .T so that they line up."
            )
    return f"{name} got shapes {tuple(a)} and {tuple(b)}, which cannot be combined"


def cannot_expand(x: Any, want: tuple[int, ...]) -> str:
    """Why an array or Tensor cannot be expanded to these sizes; empty if it can."""
    have = tuple(x.shape)
    if len(have) > len(want):
        return (
            f"expand({type_name(x, x)}{{{list(have)}}}, size={list(want)}): the number of sizes provided "
            f"({len(want)}) must be greater or equal to the number of dimensions in the tensor ({len(have)})"
        )
    for back, (n, size) in enumerate(zip(reversed(have), reversed(want), strict=False), 1):
        if n not in (1, size):
            return (
                f"The expanded size of the tensor ({size}) must match the existing size ({n}) at non-singleton "
                f"dimension {len(want) - back}.  Target sizes: {list(want)}.  Tensor sizes: {list(have)}"
            )
    return ""


def bool_subtract(inputs: tuple[Any, ...]) -> str:
    """Why booleans cannot be subtracted; empty if that is not what happened."""
    kinds = [isinstance(x, bool) or getattr(getattr(x, "dtype", None), "name", "") == "bool" for x in inputs]
    if all(kinds):
        return (
            "Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )
    if any(kinds):
        return (
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )
    return ""


def bool_arithmetic(name: str, inputs: tuple[Any, ...]) -> str:
    """PyTorch's refusal of arithmetic and bit operations on types they make no sense for; empty if it was not that."""
    if name in ("sub", "rsub"):
        return bool_subtract(inputs)
    if name == "neg":
        return (
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use "
            "the `~` or `logical_not()` operator instead."
        )
    return ""


def grad_dtype(tensor: Any, value: Any) -> str:
    return (
        f"attempting to assign a gradient with dtype '{c_name(value.dtype)}' to a tensor "
        f"with grad_dtype '{scalar_type(tensor.dtype)}'. "
        "The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set the tensor's "
        "grad_dtype attribute with a specific dtype, or None to allow any dtype. Set grad_dtype with caution. "
        "Diverging the dtypes of a tensor and its gradient may break downstream systems that assume they match.\n"
        "Convert the gradient: x.grad = g.to(x.dtype)."
    )


def grad_device(x: Any, grad: Any) -> str:
    if grad.device.type == x.device.type:
        return (
            f"attempting to assign a gradient located on device with index '{grad.device.index}' to a tensor located "
            f"on device with index '{x.device.index}'. Please ensure that the gradient and the tensor are on the same "
            f"device\nMove it: gradient.to({x.device.name!r})."
        )
    return (
        f"attempting to assign a gradient with device type '{grad.device.type}' to a tensor with device type "
        f"'{x.device.type}'. Please ensure that the gradient and the tensor are on the same device\n"
        f"Move it: gradient.to({x.device.name!r})."
    )


def grad_shape(tensor: Any, value: Any) -> str:
    return (
        f"attempting to assign a gradient of size '{list(value._array.shape)}' to a tensor of size "
        f"'{list(tensor._array.shape)}'. Please ensure that the gradient and the tensor are the same size"
    )


def mismatched_gradient(index: int, got: tuple[int, ...], want: tuple[int, ...]) -> str:
    return (
        f"Mismatch in shape: grad_output[{index}] has a shape of torch.Size({list(got)}) and output[{index}] has a "
        f"shape of torch.Size({list(want)})."
    )


def function_gradient(node: Any, index: int, got: tuple[int, ...], want: tuple[int, ...]) -> str:
    return (
        f"Function {node.name()} returned an invalid gradient at index {index} - got {list(got)} but expected shape "
        f"compatible with {list(want)}"
    )


def complex_for_real(node: Any, index: int) -> str:
    return (
        "Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) to be true, but got "
        "false.  (Could this error message be improved?  If so, please report an enhancement request to PyTorch.)\n"
        f"{node.name()} returned a complex gradient at index {index} for a real input. Return its real part."
    )


def warn_non_leaf_grad() -> None:
    warnings.warn(
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
        "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
        "Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure "
        "you access the leaf Tensor instead.",
        UserWarning,
        stacklevel=3,
    )
