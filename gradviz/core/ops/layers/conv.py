"""The public convolutions: reading arguments as PyTorch spells them, one picture or a batch, named paddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import noted
from ...op import OPS, function, op
from ...tensor import Tensor
from .sliding_windows import Dims, integers, per_dim, per_dims


def _refuse(name: str, argument: str, count: int, values: Dims) -> Exception:
    return RuntimeError(
        f"expected {argument} to be a single integer value or a list of {count} values to match the convolution "
        f"dimensions, but got {argument}={list(values)}"
    )


def _check_rank(name: str, dims: int, input: Tensor, weight: Tensor, stride: Any) -> None:
    if weight.ndim < 3:
        raise noted(
            RuntimeError(
                f"weight should have at least three dimensions\n{name} got weight of shape {tuple(weight.shape)}."
            )
        )
    if input.ndim - dims not in (1, 2):
        axes = ", ".join("DHW"[-dims:]) if dims > 1 else "L"
        raise noted(
            RuntimeError(
                f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to {name}, but got input of size: "
                f"{list(input.shape)}\nA batch is (N, C, {axes}). A single sample is (C, {axes})."
            )
        )
    if weight.ndim - 2 != dims > 1:
        steps = per_dim(name, "stride", stride, dims, _refuse)
        raise noted(
            RuntimeError(
                f"{_refuse(name, 'stride', weight.ndim - 2, steps)}\n{name} takes weights with {dims} dimensions after "
                f"the channels, not {tuple(weight.shape)}."
            )
        )


def _named_padding(
    input: Tensor, weight: Tensor, name: str, settings: dict[str, Dims], dims: int
) -> tuple[Tensor, Dims]:
    """The padding that "valid" or "same" stands for; an even kernel needs one more place on the far side."""
    if name == "valid":
        return input, (0,) * dims
    if name != "same":
        raise noted(RuntimeError(f"Invalid padding string: '{name}'\nIt is 'valid' or 'same'."))
    if set(settings["stride"]) != {1}:
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    if weight.ndim != input.ndim:
        raise RuntimeError(
            f"Expected {weight.ndim}-dimensional input for {weight.ndim}-dimensional weight{list(weight.shape)}, but "
            f"got {input.ndim}-dimensional input of size {list(input.shape)} instead"
        )
    total = [d * (k - 1) for d, k in zip(settings["dilation"], weight.shape[2:], strict=True)]
    if any(t % 2 for t in total):
        ends = ((0, 0),) * (input.ndim - dims) + tuple((0, t % 2) for t in total)
        input = OPS["constant_pad_nd"].call(input, widths=ends, value=0.0)
    return input, tuple(t // 2 for t in total)


def _batched(call: Any, dims: int, input: Tensor, weight: Tensor, bias: Tensor | None, **settings: Any) -> Tensor:
    """Run on a batch; a single sample is a batch of one."""
    if input.ndim == dims + 2:
        made: Tensor = call(input, weight, bias, **settings)
        return made
    return call(input.unsqueeze(0), weight, bias, **settings).squeeze(0)  # type: ignore[no-any-return]


def _convolution(dims: int) -> Callable[..., Tensor]:
    name = f"conv{dims}d"
    call = OPS[name].call

    def conv(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1,
    ) -> Tensor:  # fmt: skip
        _check_rank(name, dims, input, weight, stride)
        if not isinstance(padding, str):
            settings = per_dims(name, dims, _refuse, stride=stride, padding=padding, dilation=dilation)
            return _batched(call, dims, input, weight, bias, groups=groups, **settings)
        settings = dict(per_dims(name, dims, _refuse, stride=stride, dilation=dilation))
        if groups <= 0:
            raise RuntimeError("non-positive groups is not supported")
        if input.ndim == dims + 2:
            input, settings["padding"] = _named_padding(input, weight, padding, settings, dims)
            made: Tensor = call(input, weight, bias, groups=groups, **settings)
            return made
        batch, settings["padding"] = _named_padding(
            input.unsqueeze(0), weight, padding, settings, dims)  # fmt: skip
        return call(batch, weight, bias, groups=groups, **settings).squeeze(0)  # type: ignore[no-any-return]

    conv.__name__ = conv.__qualname__ = name
    conv.__doc__ = (
        f"Slide weights (O, C / groups, {dims} sizes) over {dims} dimensions: (N, C, ...) -> (N, O, ...).\n\n"
        '`padding` is a number, one per dimension, "valid" (none) or "same" (as much as keeps the size).'
    )
    return function(method=False)(conv)


def _transposed(dims: int) -> Callable[..., Tensor]:
    name = f"conv_transpose{dims}d"
    call = OPS[name].call

    def conv(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    ) -> Tensor:  # fmt: skip
        _check_rank(name, dims, input, weight, stride)
        settings = per_dims(
            name, dims, _refuse, stride=stride, padding=padding, output_padding=output_padding, dilation=dilation
        )
        return _batched(call, dims, input, weight, bias, groups=groups, **settings)

    conv.__name__ = conv.__qualname__ = name
    conv.__doc__ = (
        f"The convolution of {dims} dimensions turned around: weights (C, O / groups, {dims} sizes) spread each place "
        "of (N, C, ...) over the places it came from, into (N, O, ...)."
    )
    return function(method=False)(conv)


conv1d, conv2d, conv3d = (_convolution(dims) for dims in (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = (_transposed(dims) for dims in (1, 2, 3))


# -- time first ----------------------------------------------------------------------------------------------------
def _line(pad: int) -> dict[str, Any]:
    return {"stride": (1,), "padding": (pad,), "dilation": (1,), "groups": 1}


def _over_time(F: Any, x: Any, w: Any, bias: Any, *, pad: int) -> Any:
    out = F.conv1d(F.permute(x, dims=(1, 2, 0)), F.permute(w, dims=(2, 1, 0)), bias, **_line(pad))
    return F.permute(out, dims=(2, 0, 1)).copy()


_conv_tbc = op(
    "conv_tbc", _over_time, public=False,
    x=lambda F, g, w, *, x_shape, pad: F.permute(
        F.conv1d_input(F.permute(g, dims=(1, 2, 0)), F.permute(w, dims=(2, 1, 0)),
                       shape=(x_shape[1], x_shape[2], x_shape[0]), **_line(pad)), dims=(2, 0, 1)),
    w=lambda F, g, x, *, w_shape, pad: F.permute(
        F.conv1d_weight(F.permute(g, dims=(1, 2, 0)), F.permute(x, dims=(1, 2, 0)), None,
                        shape=w_shape[::-1], **_line(pad)), dims=(2, 1, 0)),
    bias=lambda F, g: F.sum(g, dim=(0, 1), keepdim=False),
)  # fmt: skip


@function(method=False)
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """A convolution along the first dimension: (time, batch, C) with weights (width, C, O) -> (time, batch, O)."""
    if input.ndim != 3:
        raise RuntimeError("Input must have 3 dims: time, batch, in_channel")
    if weight.ndim != 3:
        raise RuntimeError("Weight tensor must have 3 dims: kernel_width, in_channels, out_channels.")
    if bias.ndim != 1:
        raise RuntimeError("Bias must be 1-D")
    if input.shape[2] != weight.shape[1]:
        raise RuntimeError("Input dim 2 (input channels) is not == dim 1 in the weight tensor")
    if weight.shape[2] != bias.shape[0]:
        raise RuntimeError("Bias size must equal dim 2 in the weight tensor (output channels).")
    return _conv_tbc.call(input, weight, bias, pad=integers("conv_tbc", "pad", pad)[0])
