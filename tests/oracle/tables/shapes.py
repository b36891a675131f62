"""Shapes: views and copies of the same elements with other sizes, in another order, or cut into pieces."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F16, F64, bools, floats, given, ints, sample

VIEWS = [
    sample(code, x=(2, 3, 4))
    for code in (
        "x.view(size=(6, 4))", "x.view([4, -1])", "x.view(torch.Size([24]))", "x.reshape(shape=(3, 8))", "x.view(torch.tensor(6), 4)", "x.ravel()",
        "x.unflatten(2, (2, -1))", "torch.unflatten(x, -1, [4, 1])", "x.flatten(0, 0)", "torch.flatten(x, start_dim=1)", "x.reshape_as(x.transpose(0, 1))",
        "x.permute(dims=(2, 1, 0))", "torch.permute(x, (0, 2, 1))", "x.permute([-1, 0, 1])", "torch.moveaxis(x, (0, 1), (2, 0))", "x.movedim([0, 1], [1, 2])",
        "x.movedim(-1, 0)", "x.swapdims(0, -1)", "torch.swapaxes(x, 1, 2)", "x.adjoint()", "x.mT", "x.mH", "x[0].H", "x[0].T", "x.expand(size=(5, 2, 3, 4))",
        "x[:, :1].expand([2, 6, -1])", "x[0].expand_as(x)", "torch.broadcast_to(x, size=(1, 2, 3, 4))", "x.broadcast_to(4, 2, 3, 4)",
        "x.unsqueeze(dim=-1)", "torch.unsqueeze(x, 1).squeeze(dim=1)", "x[:1].squeeze([0])", "x.squeeze(1)", "x[:1, :1].squeeze((0, 1))",
        "torch.atleast_1d(x)", "torch.atleast_2d(x[0, 0], x)", "torch.atleast_3d([x[0, 0], x[0]])", "x.view(x.dtype)", "x.reshape(-1)[3:].view(3, 7)",
        "x.transpose(0, 2).reshape(4, 2, 3)", "x.transpose(0, 1).contiguous().view(-1)", "x.t()", "torch.t(x[0])", "x.detach().view(torch.int32)",
    )
] + [
    sample(code, x=())
    for code in (
        "x.view(1)", "x.view(())", "x.view(1, -1)", "x.reshape(())", "x.flatten()", "x.transpose(0, -1)", "x.t()", "x.squeeze()",
        "x.squeeze(0)", "x.unsqueeze(0)", "x.expand(3)", "x.expand(())", "x.permute(())", "x.movedim(0, 0)", "x.unfold(0, 1, 1)",
        "torch.atleast_1d(x)", "torch.atleast_2d(x)", "torch.atleast_3d(x)", "x.ravel()", "x.clone()", "x.contiguous()",
    )
] + [
    sample("x.view(0, 4)", x=(0, 2)), sample("x.reshape(-1)", x=(0, 2)), sample("x.reshape(-1, 0)", x=(0, 2)), sample("x.view(3)", x=(4,)),
    sample("x.t().view(6)", x=(2, 3)), sample("x.t().view(3, 2, 1)", x=(2, 3)), sample("x.view(2, 3)", x=floats(2, 3, layout="F")), sample("x.squeeze()", x=(1, 0, 1)),
    sample("x.clone(), x.contiguous()", x=floats(3, 4, layout="F")), sample("x.clone()", x=floats(3, 4, layout="step")), sample("x.clone()", x=bools(3)),
    sample("x.expand(2, 3).clone()", x=(3,)), sample("x.view(dtype=torch.int16)", x=ints(2, 4, dtype=np.int32)), sample("x.view(torch.int64)", x=ints(2, 4, dtype=np.int32)),
    sample("x.view(torch.uint8)", x=bools(3)), sample("x.view(torch.int16)", x=floats(3, dtype=F16, requires_grad=False)),
]  # fmt: skip

PARTS = [
    sample(code, x=(4, 5, 6))
    for code in (
        "x.select(dim=1, index=-1)", "torch.select(x, 2, 3)", "x.select(0, torch.tensor(1))", "x.narrow(1, 2, 3)", "torch.narrow(x, dim=0, start=-3, length=2)",
        "x.narrow(0, torch.tensor(1), 2)", "x.narrow(1, 5, 0)", "torch.narrow_copy(x, 2, 1, 4)", "x.narrow_copy(0, 3, 1)", "x.diagonal()", "x.diagonal(-1, 1, 2)",
        "torch.diagonal(x, offset=2, dim1=2, dim2=0)", "x.diagonal(10)", "x.unfold(1, 3, 1)", "x.unfold(2, 2, 3)", "x.unfold(-1, 2, 2).unfold(0, 2, 1)",
        "x.unfold(dimension=0, size=4, step=9)", "x.as_strided((2, 3), (30, 2))", "torch.as_strided(x, (3, 3), (1, 1), 4)", "x[1:].as_strided((2, 2), (6, 1))",
        "x.t().as_strided((3,), (2,), 1)", "x[0].t().as_strided((4, 4), (1, 2))", "x[:1].expand(4, 5, 6).as_strided((3, 2), (0, 1))", "x.as_strided((0, 3), (1, 1))",
        "x.unbind(2)", "torch.unbind(x, dim=-2)", "x.split(3, 1)", "x.split(2, dim=2)", "torch.split(x, [1, 4], dim=1)",
        "x.split((2, 2))", "torch.split_with_sizes(x, [3, 3], 2)", "x.split_with_sizes((1, 0, 3))", "x.chunk(3)", "torch.chunk(x, 9, dim=1)", "x.tensor_split(3)",
        "x.tensor_split((1, 3), dim=1)", "torch.tensor_split(x, torch.tensor([2, 4]), 2)", "torch.tensor_split(x, torch.tensor(2))", "x.tensor_split([3, 1, -1, 9])",
        "x.tensor_split(7, 2)", "x.hsplit(5)", "x.vsplit([1, 3])", "x.dsplit(3)", "torch.hsplit(x, (2,))", "torch.vsplit(x, 2)", "torch.dsplit(x, [1, 1])", "x[0, 0].hsplit(2)",
    )
] + [
    sample("torch.select_scatter(x, y, 1, 2)", x=(3, 4), y=(3,)), sample("x.select_scatter(y, 0, -1)", x=(3, 4), y=(4,)), sample("x.select_scatter(y, 0, 1)", x=(3,), y=()),
    sample("torch.slice_scatter(x, y, start=1)", x=(3, 4), y=(2, 4)), sample("x.slice_scatter(y, 1, 0, -1, 2)", x=(3, 4), y=(3, 2)), sample("x.slice_scatter(y, end=9)", x=(3,), y=(3,)),
    sample("torch.diagonal_scatter(x, y)", x=(3, 4), y=(3,)), sample("x.diagonal_scatter(y, -1, 2, 0)", x=(3, 2, 4), y=(2, 2)), sample("x.diagonal_scatter(y, 1)", x=(3, 4), y=ints(3)),
    sample("torch.as_strided_scatter(x, y, (2, 2), (4, 1), 1)", x=(3, 4), y=(2, 2)), sample("x.as_strided_scatter(y, (2,), (3,))", x=(5,), y=(2,)),
    sample("x.chunk(3)", x=(0, 2)), sample("x.split(2)", x=(0, 2)), sample("x.split(0)", x=(0, 2)), sample("len(x.split_with_sizes([])), len(x.unbind())", x=(0, 2)),
    sample("x.unbind()[0] * 2", x=(3, 2)), sample("x.split([1, 2])[1]", x=(3,)), sample("x.unfold(0, 0, 1)", x=(3,)), sample("x.unfold(0, 3, 1)", x=floats(6, layout="step")),
]  # fmt: skip

WRONG = [
    sample(code, x=(3, 4), order=0)
    for code in (
        "x.view(5, 2)", "x.view(-1, -1)", "x.view(-2, 6)", "x.view(2.5)", "x.reshape(7)", "x.t().view(12)", "x.view(torch.complex128).view(torch.float16)[:, :3].view(torch.float32)",
        "x[:, :3].view(torch.float64)", "x.t().view(torch.float64)", "x[:, 1:3].view(torch.float64)", "x.sum().view(torch.float64)", "x.unflatten(0, (2, 2))", "x.unflatten(0, ())",
        "x.unflatten(1, (-1, 3))", "x.unflatten(5, (1,))", "x.flatten(1, 0)", "x.flatten(3)", "x.permute()", "x.sum().unflatten(0, (1, 1))", "x.unflatten(1, (-1, -1))", "x.permute(0)", "x.permute(0, 0)", "x.permute(0, 2)", "x.transpose(0, 2)", "x[None].t()",
        "x[0].adjoint()", "x[0].mT", "x[None].H", "x[0].H", "x.movedim((0, 1), 0)", "x.movedim((0, 1), (0,))", "x.movedim((0, 0), (0, 1))", "x.movedim((0, 1), (1, 1))", "x.movedim(2, 0)", "x.expand(4)", "x.expand(2, 2, 4)",
        "x.expand(-1, 3, 4)", "x.expand(-2, 4)", "x.squeeze((0, 0))", "x.squeeze(2)", "x.unsqueeze(3)", "x.select(0, 3)", "x.select(2, 0)", "x.sum().select(0, 0)", "x.narrow(0, 2, 2)", "x.narrow(0, 4, 0)",
        "x.narrow(0, -4, 1)", "x.narrow(0, 0, -1)", "x.sum().narrow(0, 0, 1)", "x.narrow(2, 0, 1)", "x.narrow(0, torch.tensor([1]), 1)", "torch.narrow_copy(x, 2, 0, 1)", "x.diagonal(0, 1, 1)", "x.diagonal(0, 0, 2)",
        "x.unfold(0, 4, 1)", "x.unfold(0, -1, 1)", "x.unfold(0, 1, 0)", "x.unfold(2, 1, 1)", "x.as_strided((2, 3), (1,))", "x.as_strided((9, 9), (1, 9))", "x.as_strided((2,), (-1,))", "x.as_strided((2,), (1,), -1)",
        "torch.as_strided_scatter(x, x, (2, 2), (1, 1))", "x.unbind(2)", "x.sum().unbind()", "x.split(-1)", "x.split(0)", "x.split([1, 1])", "x.split([4, -1])", "x.sum().split(1)", "x.chunk(0)", "x.sum().chunk(1)",
        "x.tensor_split(0)", "x.sum().tensor_split(1)", "x.tensor_split(torch.tensor([[1]]))", "x.tensor_split(torch.tensor([1.0]))", "x.hsplit(3)", "x.sum().hsplit(1)", "x[0].vsplit(2)", "x.dsplit(2)", "x.vsplit('a')",
        "x.select_scatter(x, 0, 1)", "x.slice_scatter(x, 0, 1)", "x.slice_scatter(x, step=0)", "x.diagonal_scatter(x)",
    )
]  # fmt: skip

TABLE = [
    sample("torch.unsafe_split(x, 2)", x=(5, 3)),
    sample("torch.unsafe_split_with_sizes(x, [1, 3], 1)[1]", x=(2, 4)),
    sample("torch.unsafe_chunk(x, 2)[0]", x=(5,)),
    *VIEWS,
    *PARTS,
    *WRONG,
    sample("x.flatten(1)", x=floats(2, 3, 2, dtype=F64)),
    sample("x.t()", x=given([[1, 2]], np.int64)),
]
