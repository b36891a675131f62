"""Reading by index: positions, slices, None, masks, lists and tensors of indices, mixed as PyTorch mixes them."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import bools, floats, given, ints, sample

GETITEM = [
    sample(code, x=(3, 4, 2))
    for code in (
        "x[0, :, [0, 1]]", "x[:, 0, [0, 1]]", "x[[0, 1], :, [0, 1]]", "x[[0, 2], None, [0, 1]]", "x[[0, 2], ..., [0, 1]]", "x[..., [1, 0, 1]]", "x[None, [0, 2]]", "x[[0, 2], None]", "x[:, [0, 1], [0, 1]]", "x[[0], [1], :]",
        "x[torch.tensor(1), :, torch.tensor([0, 1])]", "x[1:, torch.tensor([[0, 1], [2, 3]])]", "x[1:, ::2, [0, 0]]", "x[[[0, 1], [1, 2]]]", "x[([0, 1], [1, 2])]", "x[range(2)]", "x[[]]", "x[[], 0]", "x[torch.tensor([], dtype=torch.long)]",
        "x[True]", "x[False]", "x[None, True]", "x[torch.tensor(True)]", "x[torch.tensor(False)]", "x[torch.tensor([True, False, True]), 1]", "x[[True, False, True], [0, 1]]", "x[:, [True, False, True, True]]", "x[:, :, [False, True]]",
        "x[x > 0]", "x[:, x[0] > 0]", "x[(x > 0).any(2)]", "x[(x > 0).to(torch.uint8)]", "x[torch.tensor([1, 0, 1], dtype=torch.uint8)]", "x[[1, 1, 1], torch.tensor([0, 1, 2])]", "x[[-1, 0]]", "x[torch.tensor([-1]), -1]", "x[np.array([0, 2])]",
        "x[np.array([True, False, True])]", "x[torch.tensor([0, 1], dtype=torch.int32)]", "x[..., ...]", "x[:, ..., 0]", "x[..., None]", "x[None, ..., None, 1]", "x[()]", "x[(0, 1)]", "x[[0, slice(0, 2)]]", "x[[slice(0, 1)]]", "x[1:10]", "x[-10:2]", "x[2:1]",
        "x[torch.tensor(0):2]", "x[::5]", "x[1::2, 1:3]", "x[:, :]", "x[0:3]", "x[[1.5]]", "x[np.int64(1)]", "x[:, np.int64(1), None]", "x[[torch.tensor(0), torch.tensor(1)]]", "x[([0, 1],)]", "x[[0, 0, 0]]", "x[:, [0, 0], 1]",
        "x[[0, 1], [1, 1]].sum() * x[0, 0, 0]",
    )
] + [
    sample("x[None]", x=()), sample("x[...]", x=()), sample("x[()]", x=()), sample("x[True]", x=()), sample("x[torch.tensor(False)]", x=()), sample("x[x > 0]", x=(0, 2)), sample("x[i]", x=(4,), i=ints(2, 2, high=4)),
    sample("x[m]", x=ints(3), m=bools(3)), sample("x[i, j]", x=(3, 4), i=ints(2, 1, high=3), j=ints(3, high=4)), sample("x[:, i]", x=floats(3, 4, layout="F"), i=ints(2, high=4)), sample("x[i]", x=bools(3), i=ints(2, high=3)),
]  # fmt: skip

PICK = [
    sample(code, x=(3, 4))
    for code in (
        "x.index_select(dim=1, index=torch.tensor([3, 0, 0]))", "torch.index_select(x, -1, torch.tensor([1], dtype=torch.int32))", "x.index_select(0, torch.tensor(2))", "x.index_select(0, torch.tensor([], dtype=torch.long))",
        "x.sum().index_select(0, torch.tensor(0))", "x.take(torch.tensor([0, -1, 5, 5]))", "torch.take(x, torch.tensor([[3]]))", "x.sum().take(torch.tensor(0))", "x.take(torch.tensor([], dtype=torch.long))", "x.masked_select(x > 0)",
        "torch.masked_select(x, mask=torch.tensor([True, False, True, False]))", "x[0].masked_select(x > 0)", "x.sum().masked_select(torch.tensor(True))", "torch.argwhere(x > 0)", "x.argwhere()", "torch.argwhere(x.sum())", "x.nonzero(as_tuple=True)",
        "torch.nonzero(x[0], as_tuple=False)", "torch.nonzero(x.sum())", "torch.nonzero(x.sum(), as_tuple=True)", "(x > 9).nonzero()", "torch.unravel_index(torch.tensor([7, -1, 2]), (3, 4))", "torch.unravel_index(torch.tensor(5), torch.Size([2, 3]))",
        "torch.unravel_index(torch.tensor(7), 10)", "x.gather(0, torch.tensor([[2, 0, 1, 1]]))", "torch.gather(x, dim=-1, index=torch.tensor([[0, 0], [3, 1]]))", "x.gather(1, torch.tensor([[0], [1], [2]], dtype=torch.int32))",
        "x.gather(0, torch.zeros(0, 4))", "x.sum().gather(0, torch.tensor(0))", "x.sum().gather(0, torch.tensor([0, 0]))", "x[0].gather(0, torch.tensor(1))", "torch.take_along_dim(x, torch.tensor([[0, 2]]), 1)", "x.take_along_dim(torch.tensor([3, 7]))",
        "x.take_along_dim(torch.tensor([[-1], [0], [5]]), dim=1)", "x.argsort(1).mul(1)", "torch.take_along_dim(x, x.argsort(0), dim=0)",
    )
]  # fmt: skip

WRONG = [
    sample(code, x=(3, 4), order=0)
    for code in (
        "x[3]", "x[-4]", "x[0, 4]", "x[1, 2, 3]", "x[[5]]", "x[torch.tensor([-4])]", "x[:, torch.tensor([4])]", "x[::-1]", "x[::0]", "x['a']", "x[1.5]", "x[x]", "x[x[0] > 0]", "x[x > 0, 0]", "x[torch.tensor([0], dtype=torch.int8)]", "x[[0, 1], [0, 1, 2]]",
        "x.sum()[0]", "x.sum()[0, 0]", "x[0][0][0]", "x[[True, False]]", "x.index_select(0, torch.tensor([3]))", "x.index_select(0, torch.tensor([-1]))", "x.index_select(0, torch.tensor([0.0]))", "x.index_select(0, torch.tensor([[0]]))",
        "x.index_select(2, torch.tensor([0]))", "x.sum().index_select(0, torch.tensor([0, 0]))", "x.take(torch.tensor([12]))", "x.take(torch.tensor([-13]))", "x.take(torch.tensor([0.0]))", "x.take(torch.tensor([0], dtype=torch.int32))", "x[:0].take(torch.tensor([0]))",
        "x.masked_select(x)", "x.masked_select((x > 0).to(torch.uint8))", "x.masked_select(x[0, :3] > 0)", "x.gather(0, torch.tensor([0]))", "x.gather(0, torch.tensor([[3]]))", "x.gather(0, torch.tensor([[-1]]))", "x.gather(0, torch.tensor([[0.0]]))",
        "x.gather(2, torch.tensor([[0]]))", "x.gather(0, torch.zeros(1, 5, dtype=torch.long))", "x.take_along_dim(torch.tensor([0]), 0)", "x.take_along_dim(torch.tensor([[0.0]]), 0)", "torch.unravel_index(torch.tensor(1.0), (3, 3))",
        "torch.unravel_index(torch.tensor(1), (-1, 3))",
    )
]  # fmt: skip

TABLE = [*GETITEM, *PICK, *WRONG, sample("x[i]", x=(3,), i=given([0, 0], np.int64))]
