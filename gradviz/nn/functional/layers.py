"""What layers with weights, and layers that move numbers about, compute."""

from __future__ import annotations

from typing import Any

from gradviz.core.errors import noted
from gradviz.core.mode import no_grad
from gradviz.core.ops import convolve, pool
from gradviz.core.ops.index import _embedding
from gradviz.core.ops.join import _pad
from gradviz.core.ops.linalg import _addmm_op
from gradviz.core.ops.lookup import padded_embedding
from gradviz.core.tensor import Tensor

from .checks import one_of, pair, probability


# -- linear --------------------------------------------------------------------------------------------------------
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x @ weight.T + bias`: (*, in) with (out, in) and (out) -> (*, out)."""
    turned = weight.t()
    if bias is None:
        return input.matmul(turned)  # type: ignore[no-any-return]
    if input.ndim == 2 and turned.ndim == 2:
        return _addmm_op.call(bias, input, turned, beta=1, alpha=1)
    if turned.ndim == 2 and input.ndim and input.is_contiguous():
        flat = _addmm_op.call(bias, input.view(-1, input.shape[-1]), turned, beta=1, alpha=1)
        return flat.view(*input.shape[:-1], flat.shape[-1])  # type: ignore[no-any-return]
    return input.matmul(turned) + bias  # type: ignore[no-any-return]


def embedding(
    input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """The rows of `weight` (n, d) with the numbers in `input` (*) -> (*, d). `padding_idx`'s row gets no gradient."""
    one_of("embedding", "max_norm", max_norm, (None,))
    one_of("embedding", "scale_grad_by_freq", scale_grad_by_freq, (False,))
    one_of("embedding", "sparse", sparse, (False,))
    rows = weight.shape[0]
    if input.dtype.category != 1:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; "
            f"but got {input.type()} instead (while checking arguments for embedding)"
        )
    if input.numel() and not bool(((input._array >= 0) & (input._array < rows)).all()):
        raise noted(
            IndexError(f"index out of range in self\nThe indices must lie in [0, {rows}), the rows of the weight.")
        )
    if padding_idx is None:
        return _embedding.call(weight, index=input._array)
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    into = input.device.xp.where(input._array == padding_idx % rows, rows, input._array)
    return padded_embedding.call(weight, index=input._array, into=into)


# -- convolution ---------------------------------------------------------------------------------------------------
def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """(N, C, H, W) or (C, H, W) with weights (O, C / groups, kh, kw) and bias (O) -> (N, O, Ho, Wo).

    `padding` is a number, a pair, "valid" (none) or "same" (as much as keeps the size).
    """
    stride, dilation = pair(stride), pair(dilation)
    if weight.ndim != 4:
        raise noted(
            RuntimeError(
                f"weight should have at least three dimensions\nconv2d got weight of shape {tuple(weight.shape)}."
            )
        )
    if input.ndim not in (3, 4):
        raise noted(
            RuntimeError(
                "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: "
                f"{list(input.shape)}\nImages are (N, C, H, W). One image is (C, H, W)."
            )
        )
    if isinstance(padding, str):
        input, padding = _named_padding(input, weight, padding, stride, dilation)
    settings = {"stride": stride, "padding": pair(padding), "dilation": dilation, "groups": groups}
    if input.ndim == 4:
        return convolve.conv2d.call(input, weight, bias, **settings)
    return convolve.conv2d.call(input.unsqueeze(0), weight, bias, **settings).squeeze(0)  # type: ignore[no-any-return]


def _named_padding(
    input: Tensor, weight: Tensor, name: str, stride: Any, dilation: Any
) -> tuple[Tensor, tuple[int, int]]:
    if name == "valid":
        return input, (0, 0)
    if name != "same":
        raise noted(RuntimeError(f"Invalid padding string: '{name}'\nIt is 'valid' or 'same'."))
    if stride != (1, 1):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for d, k in zip(dilation, weight.shape[-2:], strict=True)]
    rest = [t % 2 for t in total]  # an even kernel needs one more on the far side
    if any(rest):
        input = pad(input, (0, rest[1], 0, rest[0]))
    return input, (total[0] // 2, total[1] // 2)


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Grow the tensor at its borders: `pad` is (before, after) of the last dimension, then of the one before it, ..."""
    one_of("pad", "mode", mode, ("constant",))
    pad = tuple(pad)
    if len(pad) % 2:
        raise noted(RuntimeError(f"Padding length must be divisible by 2\npad is {pad}."))
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {input.ndim}"
        )
    ends = [(0, 0)] * (input.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    return _pad.call(input, widths=tuple(ends), value=0.0 if value is None else value)


# -- pooling -------------------------------------------------------------------------------------------------------
_RANK = {"max_pool2d": "non-empty 3D or 4D (batch mode) tensor expected for input"}


def _image(name: str, input: Tensor) -> None:
    if input.ndim not in (3, 4):
        raise noted(
            RuntimeError(
                f"{_RANK.get(name, f'{name}: Expected 3D or 4D (batch mode) tensor')}\n"
                f"{name} got an input of size {list(input.shape)}. An image is (channels, height, width): add what is "
                "missing with .unsqueeze(0)."
            )
        )


def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest number of every window; with `return_indices` also where it was, counted within its plane."""
    _image("max_pool2d", input)
    kernel = pair(kernel_size)
    settings = {
        "kernel_size": kernel, "stride": kernel if _empty(stride) else pair(stride), "padding": pair(padding),
        "dilation": pair(dilation), "ceil_mode": bool(ceil_mode),
    }  # fmt: skip
    if not return_indices:
        return pool.max_pool2d.call(input, **settings)
    out, aux = pool.max_pool2d.with_aux(input, **settings)
    return out, aux["indices"]


def _empty(stride: Any) -> bool:
    return stride is None or (isinstance(stride, (tuple, list)) and not stride)


def avg_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of every window."""
    _image("avg_pool2d", input)
    kernel = pair(kernel_size)
    return pool.avg_pool2d.call(
        input, kernel_size=kernel, stride=kernel if _empty(stride) else pair(stride), padding=pair(padding),
        ceil_mode=bool(ceil_mode), count_include_pad=bool(count_include_pad), divisor_override=divisor_override,
    )  # fmt: skip


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of (Ho, Wo) windows that cover the picture; None keeps that side as it is."""
    _image("adaptive_avg_pool2d", input)
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    size = tuple(int(n) if want is None else int(want) for want, n in zip(given, input.shape[-2:], strict=True))
    if size == (1, 1):
        return input.mean((-1, -2), keepdim=True)  # type: ignore[no-any-return]
    rows, columns = (pool.spans(n, count) for n, count in zip(input.shape[-2:], size, strict=True))
    return pool.adaptive_avg_pool2d.call(input, rows=rows, columns=columns)


# -- dropout -------------------------------------------------------------------------------------------------------
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """While training, zero each element with probability `p` and scale the others by `1 / (1 - p)`."""
    return _dropped(input, p, training, inplace, input.shape)


def _channels(input: Tensor) -> tuple[int, ...]:
    return (*input.shape[:2], *(1,) * (input.ndim - 2))


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels: the same for all places of one (sample, channel)."""
    return _dropped(input, p, training, inplace, _channels(input))


def _dropped(input: Tensor, p: float, training: bool, inplace: bool, shape: tuple[int, ...]) -> Tensor:
    p = probability(p)
    if p == 0 or not training or not input.numel():
        return input
    with no_grad():
        if p == 1:
            mask = input.new_zeros(())
        else:
            mask = input.new_empty(shape).bernoulli_(1 - p).div_(1 - p)
    return input.mul_(mask) if inplace else input.mul(mask)  # type: ignore[no-any-return]


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Class numbers (*) as rows of zeros with a single 1 (*, num_classes)."""
    if tensor.dtype.name != "int64":
        raise noted(RuntimeError("one_hot is only applicable to index tensor of type LongTensor.\nUse tensor.long()."))
    values = tensor._array
    if values.size == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if values.size and int(values.min()) < 0:
        raise RuntimeError("Class values must be non-negative.")
    count = int(values.max()) + 1 if num_classes == -1 else num_classes
    if values.size and int(values.max()) >= count:
        raise RuntimeError("Class values must be smaller than num_classes.")
    xp = tensor.device.xp
    return Tensor._of((values[..., None] == xp.arange(count)).astype(xp.int64), tensor.device)
