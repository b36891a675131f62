"""Joining, broadcasting, repeating and turning; diagonals and triangles."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F16, F64, bools, floats, given, ints, sample

JOIN = [
    sample(code, x=(2, 3), y=(2, 3))
    for code in (
        "torch.cat((x, y), dim=-1)", "torch.concat([x, y])", "torch.concatenate((x, y), axis=1)", "torch.cat([x, y, x], 1)", "torch.stack((x, y), -1)", "torch.stack([x, y, x], dim=1)", "torch.hstack((x, y))",
        "torch.vstack([x, y])", "torch.row_stack((x, y[0]))", "torch.dstack((x, y))", "torch.column_stack((x, y[:, 0]))", "torch.hstack((x[0], y[1]))", "torch.vstack((x[0], y[1]))",
        "torch.dstack((x[0], y[1]))", "torch.column_stack((x[0], y[0]))", "torch.hstack((x[0, 0], y[0, 0]))", "torch.column_stack((x[0, 0], y[0, 0]))", "torch.block_diag(x, y[0], y[0, 0])",
        "torch.block_diag(x)", "torch.cartesian_prod(x[0], y[1])", "torch.cartesian_prod(x[0])", "torch.cartesian_prod(x[0], y[0, :2], x[1])", "torch.broadcast_tensors(x, y[:, :1], y[0])",
        "torch.meshgrid(x[0], y[0], indexing='xy')", "torch.meshgrid([x[0], y[0, :2], x[1, 1]], indexing='ij')", "torch.meshgrid(x[0], indexing='xy')", "torch.cat((x.t(), y.t()))",
        "torch.cat((x, torch.zeros(0)))", "torch.cat((torch.zeros(0), x))", "torch.cat((x[:, :0], y), 1)",
    )
] + [
    sample("torch.cat((x, y))", x=(3,), y=ints(2)), sample("torch.cat((x, y))", x=floats(3, dtype=F64), y=(2,)), sample("torch.cat((x, y))", x=ints(3, dtype=np.int32), y=bools(2), order=0),
    sample("torch.stack((x, y))", x=floats(3, dtype=F16), y=(3,)), sample("torch.block_diag(x, y)", x=(2, 2), y=ints(2)), sample("torch.hstack((x, y))", x=(2, 0), y=(2, 1)),
    sample("torch.cat((x, x))", x=(0,)), sample("torch.stack((x,))", x=()), sample("torch.broadcast_tensors(x)", x=(2,)), sample("torch.block_diag()", x=()),
    sample("torch.broadcast_shapes((2, 1), (3,)), torch.broadcast_shapes(2, (1, 2)), torch.broadcast_shapes(), torch.broadcast_shapes((0, 1), (1, 5))", x=()),
    sample("len(torch.broadcast_tensors())", x=()),
]  # fmt: skip

TURN = [
    sample(code, x=(3, 4))
    for code in (
        "x.flip(0)", "x.flip((0, 1))", "x.flip(dims=[1])", "torch.flip(x, (-1,))", "x.flip(())", "x.fliplr()", "torch.flipud(x)", "x.rot90()", "torch.rot90(x, 2)", "x.rot90(-1, (1, 0))", "x.rot90(k=3, dims=[0, 1])",
        "x.rot90(4)", "x.roll(2)", "x.roll(-1, 1)", "x.roll((1, 2), (0, 1))", "torch.roll(x, shifts=[1, 1], dims=[0, 0])", "x.roll(7, -1)", "x.repeat(2, 3)", "x.repeat((2, 1, 2))", "x.repeat(repeats=[1, 2])", "x.repeat(0, 1)",
        "x.tile((2,))", "x.tile(2, 1, 2)", "torch.tile(x, dims=(1, 2))", "x.tile(())", "x.repeat_interleave(2)", "x.repeat_interleave(2, dim=0)", "torch.repeat_interleave(x, torch.tensor([1, 0, 2]), dim=0)",
        "x.repeat_interleave(torch.tensor([2]), 1)", "x.repeat_interleave(torch.tensor(3), dim=-1)", "torch.repeat_interleave(x, torch.tensor([1, 2, 0, 1]), dim=1, output_size=4)",
        "torch.repeat_interleave(torch.tensor([0, 2, 1]))", "x[0, 0].repeat_interleave(3)", "x[0, 0].repeat(2)", "x.repeat_interleave(0)",
        "x.tril()", "x.tril(-1)", "torch.triu(x, diagonal=1)", "x.triu(-2)", "x[None].tril(1)", "y = x * 1\ny.tril_()\ny", "y = x * 1\ny.triu_(1)\ny * 2",
        "x.diag()", "x.diag(1)", "torch.diag(x[0], -1)", "x[:, 0].diagflat()", "torch.diagflat(x, 1)", "x.diag_embed()", "torch.diag_embed(x, offset=1, dim1=0, dim2=2)", "x.diag_embed(-2, 1, 0)", "x[0, 0].diagflat()",
    )
] + [
    sample("x.tril()", x=bools(3, 3)), sample("x.triu()", x=ints(2, 3)), sample("x.flip(0)", x=ints(3)), sample("x.tril()", x=(0, 3)), sample("x.rot90()", x=(2, 3, 2)), *(sample(f"torch.vander(x{more})", x=x, order=0, text=x.dtype == np.int64) for x in (floats(4), ints(3), bools(2), floats(3, dtype=F64)) for more in ("", ", 2", ", N=3, increasing=True")),
    sample("x.roll(1)", x=()), sample("x.flip(0)", x=()), sample("x.tril()", x=floats(3, 3, dtype=F16)), sample("x.repeat(2)", x=()), sample("x.roll(1, 0)", x=(0,)), sample("torch.vander(x, 1)", x=given([0.0, 1.0, 2.0]), order=0, text=False),
    sample("torch.vander(x, 0)", x=(3,), order=0, text=False),
]  # fmt: skip

WRONG = [
    sample(code, x=(3, 4), order=0)
    for code in (
        "torch.cat(x)", "torch.cat([])", "torch.cat((x, 1))", "torch.cat((x, x[0]))", "torch.cat((x, x.sum()))", "torch.cat((x, x[:2]), 1)", "torch.cat((x, x), 2)", "torch.stack([])", "torch.stack(x)", "torch.stack((x, x[0]))", "torch.stack((x, x), 3)",
        "torch.hstack(())", "torch.vstack([])", "torch.dstack(())", "torch.hstack(x)", "torch.hstack((x[0], x))", "torch.column_stack(())", "torch.block_diag(x[None])", "torch.cartesian_prod(x)", "torch.cartesian_prod()",
        "torch.cartesian_prod(x[0], torch.arange(2))", "torch.meshgrid(x[0], torch.arange(2), indexing='ij')", "torch.meshgrid(x[0], x[0], indexing='ab')", "torch.meshgrid(indexing='ij')", "torch.broadcast_tensors(x, x[0, :3])",
        "torch.broadcast_shapes((2, 3), (3, 2))", "torch.broadcast_shapes((-1,))", "x.flip(2)", "x.flip(0, 0)", "x[0].fliplr()", "x.sum().flipud()", "x[0].rot90()", "x.rot90(1, (0, 0))", "x.rot90(1, (0,))", "x.rot90(1, (0, 2))",
        "x.roll(())", "x.roll((1, 2))", "x.roll(1, (0, 1))", "x.roll(1, 2)", "x.sum().roll(1, 0)", "x.repeat(2)", "x.repeat(-1, 1)", "x.repeat_interleave(-1)", "x.repeat_interleave(torch.tensor([1, 2]), 0)", "x.repeat_interleave(torch.tensor([1, -1, 1]), 0)",
        "x.repeat_interleave(torch.tensor([[1]]))", "x.repeat_interleave(torch.tensor([1, 1, 1]), 0, output_size=4)", "torch.repeat_interleave(x[0])", "torch.vander(x)", "torch.vander(x[0], -1)", "x[0].tril()", "x.sum().triu()", "x.sum().diag()",
        "x[None].diag()", "x.diag_embed(0, 1, 1)", "x.diag_embed(0, 0, 3)",
    )
]  # fmt: skip

TABLE = [*JOIN, *TURN, *WRONG]
