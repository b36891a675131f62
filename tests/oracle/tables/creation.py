"""New tensors: of one value, of evenly spaced numbers, like another; converted, copied and laid out anew."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F16, F64, bools, floats, given, ints, positive, sample

CONSTANT = [
    sample(code, x=(2, 3))
    for code in (
        "torch.zeros(2, 3)", "torch.zeros((2, 3), dtype=torch.int32)", "torch.ones([2])", "torch.ones(())", "torch.zeros(size=(0, 2))", "torch.full((2, 2), 3)", "torch.full((2,), 2.5, dtype=torch.float64)", "torch.full((), True)", "torch.full((2,), 1 + 2j).real",
        "torch.full(size=[1], fill_value=torch.tensor(3))", "torch.full((1,), torch.tensor(True))", "torch.full((1,), torch.tensor(2.5, dtype=torch.float64))", "torch.eye(3)", "torch.eye(2, 4, dtype=torch.int64)", "torch.eye(n=2, m=0)", "torch.empty(2, 0)", "torch.empty((3, 2)).shape", "torch.zeros_like(x)", "torch.ones_like(x, dtype=torch.bool)",
        "torch.full_like(x, 7)", "torch.full_like(x, 2.5, dtype=torch.int32)", "torch.empty_like(x).shape", "torch.zeros_like(x.t()).stride()", "torch.ones_like(x[:1].expand(4, 3)).stride()", "x.new_zeros(2, 1)", "x.new_ones((3,), dtype=torch.int8)",
        "x.new_full((2,), 4)", "x.new_empty(2, 3).shape", "x.new_zeros(size=(2,))", "x.new_tensor([[1, 2]])", "x.new_tensor(3, dtype=torch.int64)", "x.new([1, 2])", "x.new(2, 3).shape", "torch.zeros(2, layout=torch.strided)", "torch.ones(2, pin_memory=False)",
        "torch.tril_indices(3, 3)", "torch.tril_indices(2, 4, offset=1)", "torch.triu_indices(3, 4, -1, dtype=torch.int32)", "torch.triu_indices(row=2, col=2)", "torch.scalar_tensor(2)", "torch.empty_strided((2, 3), (1, 2)).stride()",
        "x.new_empty_strided((2, 2), (2, 4)).stride()", "torch.empty(2, 3, 4, 5, memory_format=torch.channels_last).stride()",
    )
]  # fmt: skip

RANGES = [
    sample(code, x=())
    for code in (
        "torch.arange(5)", "torch.arange(1, 4)", "torch.arange(1, 2.5, 0.5)", "torch.arange(5, 0, -2)", "torch.arange(start=1, end=3)", "torch.arange(3, dtype=torch.float64)", "torch.arange(0)", "torch.arange(2.5)", "torch.arange(0, 1, 0.1, dtype=torch.float16)",
        "torch.arange(torch.tensor(3))", "torch.arange(3, dtype=torch.uint8)", "torch.linspace(0, 1, 5)", "torch.linspace(3, -3, steps=4, dtype=torch.float64)", "torch.linspace(0, 10, 4, dtype=torch.int32)", "torch.linspace(1, 2, 1)", "torch.linspace(1, 2, 0)",
        "torch.linspace(torch.tensor(0.0), torch.tensor(2.0), 3)", "torch.linspace(start=torch.tensor(1), end=5, steps=3)", "torch.linspace(0, 1j, 3).imag", "torch.logspace(0, 1j, 3).imag", "torch.linspace(0, 1 + 2j, 4, dtype=torch.complex128).real", "torch.logspace(0, 2, 3)", "torch.logspace(0, 3, 4, base=2.0)",
        "torch.logspace(start=-1, end=1, steps=3, base=10, dtype=torch.float64)", "torch.logspace(torch.tensor(0.0), 1, 2)", "torch.logspace(0, 1, 0)",
    )
]  # fmt: skip

CONVERT = [
    sample(code, x=floats(2, 3, low=0, high=9))
    for code in (
        "x.double()", "x.half().float()", "x.int()", "x.long()", "x.short()", "x.char()", "x.byte()", "x.bool()", "x.cfloat().real", "x.cdouble().imag", "x.to(torch.float64)", "x.to(dtype=torch.int32)", "x.to(x.double())",
        "x.to(torch.float32) is x", "x.to(torch.float32, copy=True)", "x.to(torch.float32, False, True) is x", "x.to(torch.float64, memory_format=torch.contiguous_format)", "x.to()", "x.type(torch.float64)",
        "x.type_as(x.double())", "x.float() is x", "x.double(memory_format=torch.preserve_format)", "x.is_same_size(x[0])", "x[0, 0].item()", "x.int()[0, 1].item()", "(x > 0)[0, 0].item()", "(x[0, 0] + 1j).item().imag",
    )
] + [
    sample("x.float()", x=ints(3)), sample("x.double()", x=bools(3)), sample("x.bool()", x=given([0.0, -0.5, 2.0])), sample("x.long()", x=given([-1.5, 2.7])), sample("x.float()", x=positive(3, dtype=F64)), sample("x.float()", x=floats(3, dtype=F16)),
    sample("x.byte()", x=ints(3, low=0, high=300, dtype=np.int32)), sample("x.char()", x=ints(3, low=100, high=200)),
]  # fmt: skip

LAYOUT = [
    sample(code, x=(2, 3, 4, 5))
    for code in (
        "x.contiguous(memory_format=torch.channels_last)", "x.contiguous(memory_format=torch.channels_last).stride()", "x.clone(memory_format=torch.channels_last)", "x.to(memory_format=torch.channels_last) * 2", "x.contiguous(memory_format=torch.channels_last).contiguous()",
        "x.contiguous(memory_format=torch.channels_last).is_contiguous(), x.contiguous(memory_format=torch.channels_last).is_contiguous(memory_format=torch.channels_last)", "x.contiguous(memory_format=torch.channels_last).clone().stride()",
        "x.to(torch.float64, memory_format=torch.channels_last).stride()", "torch.zeros_like(x, memory_format=torch.channels_last).stride()", "torch.full_like(x.contiguous(memory_format=torch.channels_last), 2).stride()", "x[None].contiguous(memory_format=torch.channels_last_3d).stride()",
        "torch.ones_like(x.contiguous(memory_format=torch.channels_last), memory_format=torch.contiguous_format).stride()", "torch.empty_like(x, memory_format=torch.preserve_format).stride()", "(x.contiguous(memory_format=torch.channels_last) + 1).stride()",
        "x[1:, 1:].storage_offset(), x[1:, 1:].stride(), x.stride(-1)", "x.element_size(), x.itemsize, x.nbytes", "x.is_contiguous(memory_format=torch.channels_last)", "x[:, :1, :1].is_contiguous(memory_format=torch.channels_last)",
        "x.layout == torch.strided, str(x.layout), repr(torch.channels_last), repr(torch.contiguous_format), repr(torch.preserve_format)", "x.dim_order(), x.permute(3, 0, 1, 2).dim_order()", "x.is_set_to(x), x.is_set_to(x[:1])",
        "x.untyped_storage().nbytes(), x[1:].untyped_storage().nbytes()", "torch.cat((x.contiguous(memory_format=torch.channels_last),) * 2, 1).stride()", "x.flip(0).stride(), x.permute(1, 0, 2, 3).flip(0).stride()",
        "x.transpose(0, 1).clone().stride(), x[..., ::2].clone().stride(), x[:1].expand(7, 3, 4, 5).clone().stride()",
    )
] + [
    sample(f"y = x.detach().clone()\n{code}", x=(3, 4))
    for code in (
        "y.resize_(2, 3), y.storage_offset()", "y.resize_((2, 2)).stride()", "y.resize_(5, 3).shape", "y.resize_(0)", "y[1:].resize_(2, 2)", "y.resize_as_(torch.ones(3))", "y.set_(torch.arange(3.0))", "y.set_().shape", "y.set_(torch.arange(5.0), 1, (2, 2), (2, 1))",
        "y.set_(torch.arange(4.0).untyped_storage())", "y.resize_(1, 2, 3, 2, memory_format=torch.channels_last).stride()", "y.as_strided_((2, 2), (1, 4))", "y.swapaxes_(0, 1)", "y.swapdims_(0, 1)", "y.transpose_(0, 1).stride()",
    )
]  # fmt: skip

WRONG = [
    sample(code, x=(3, 4), order=0)
    for code in (
        "torch.arange(0, 5, 0)", "torch.arange(3, 1)", "torch.arange(float('inf'))", "torch.linspace(0, 1, -1)", "torch.linspace(x, x, 3)", "torch.logspace(x[0], x[0], 3)", "torch.eye(-1)", "torch.linspace(0, 1j, 3, dtype=torch.float32)", "torch.eye(2, -1)", "torch.full((2,), 1e6, dtype=torch.float16)", "torch.zeros(-1)",
        "torch.zeros(2.5)", "x.type('foo')", "x.item()", "x.contiguous(memory_format=torch.channels_last)", "x.clone(memory_format=3)", "x.stride(2)", "x.resize_(2)", "x.detach().resize_(-1)", "torch.tril_indices(-1, 2)", "torch.empty_strided((2, 3), (1,))",
        "torch.zeros_like(3)", "torch.zeros(2, memory_format=torch.contiguous_format)",
    )
]  # fmt: skip

TABLE = [*CONSTANT, *RANGES, *CONVERT, *LAYOUT, *WRONG]
