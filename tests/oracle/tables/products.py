"""Products of vectors, matrices and batches, sums of products over chosen dimensions."""

# ruff: noqa: E501  (tables)
from __future__ import annotations

import numpy as np

from ..same import F16, F64, complexes, const, floats, ints, sample

TWO = [
    sample("torch.vdot(x, y)", x=(3,), y=(3,)),
    sample("torch.vdot(x, y)", x=complexes(3), y=complexes(3)),
    sample("torch.vdot(x, y)", x=(3,), y=(2,)),
    sample("torch.dot(x, y)", x=complexes(3), y=complexes(3)),
    sample("torch.mm(x, y)", x=complexes(2, 3), y=complexes(3, 2)),
    sample("x @ y", x=complexes(4, 2, 3), y=complexes(3, 2)),
    *(sample("torch.trace(x)", x=x) for x in ((3, 3), (2, 4), (0, 3), floats(3, 3, dtype=F16), (3,))),
    *(sample("x.trace()", x=ints(3, 3, dtype=kind), order=0) for kind in (np.int64, np.uint8)),
    sample("torch.ger(x, y), torch.outer(x, y)", x=(2,), y=(3,)),
    sample("torch.outer(x, y)", x=complexes(2), y=complexes(3)),
]

SUMS = [
    sample("torch.addr(x, a, b)", x=(2, 3), a=(2,), b=(3,)),
    sample("torch.addr(x, a, b, beta=2, alpha=0.5)", x=(3,), a=(2,), b=(3,)),
    sample("torch.addr(x, a, b, beta=0)", x=floats(2, 3, dtype=F64), a=(2,), b=(3,), order=0, text=False),
    sample("torch.addr(x, a, b, beta=2, alpha=3)", x=ints(2, 3), a=ints(2), b=ints(3), order=0),
    sample("torch.addr(x, a, b, alpha=0.5)", x=ints(2, 3), a=ints(2), b=ints(3), order=0),
    sample("torch.addr(x > 0, a > 0, b > 0, beta=True, alpha=True)", x=const(2, 3), a=const(2), b=const(3), order=0),
    sample("torch.addr(x, a, b)", x=(2, 3), a=(2, 1), b=(3,)),
    sample("torch.addbmm(x, a, b)", x=(2, 4), a=(5, 2, 3), b=(5, 3, 4)),
    sample("torch.addbmm(x, a, b, beta=0.5, alpha=2)", x=(4,), a=(5, 2, 3), b=(5, 3, 4)),
    sample("torch.addbmm(x, a, b)", x=complexes(2, 4), a=complexes(2, 2, 3), b=complexes(2, 3, 4)),
    sample("torch.addbmm(x, a, b)", x=(2, 4), a=(5, 2, 3), b=(4, 3, 4)),
    sample("torch.addbmm(x, a, b)", x=(2, 4), a=(5, 2, 3), b=(5, 2, 4)),
    sample("y = x * 1\ny.addbmm_(a, b, alpha=2)\ny", x=(2, 4), a=(5, 2, 3), b=(5, 3, 4)),
    sample("y = x * 1\ny.addmv_(a, b)\ny", x=(2,), a=(2, 3), b=(3,)),
    sample("y = x * 1\ny.baddbmm_(a, b)\ny", x=(5, 2, 4), a=(5, 2, 3), b=(5, 3, 4)),
    sample("y = x * 1\ny.addr_(a, b)\ny", x=(2, 3), a=(2,), b=(3,)),
    sample("torch.addmv(x, a, b, beta=0.2, alpha=1.6)", x=ints(2), a=ints(2, 3), b=ints(3), order=0),
]

CHOSEN = [
    *(
        sample("torch.inner(x, y)", x=x, y=y)
        for x, y in [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((2, 4, 3), (5, 3)), ((), (2, 3)), ((3,), (2,))]
    ),
    sample("torch.tensordot(x, y)", x=(2, 3, 4), y=(3, 4, 5)),
    sample("torch.tensordot(x, y, dims=1)", x=(2, 3), y=(3, 4)),
    sample("torch.tensordot(x, y, dims=0)", x=(2,), y=(3,)),
    sample("torch.tensordot(x, y, dims=([1, 0], [0, 1]))", x=(2, 3, 4), y=(3, 2)),
    sample("torch.tensordot(x, y, dims=2)", x=(2, 3), y=(2, 3)),
    sample("torch.tensordot(x, y, dims=1)", x=complexes(2, 3), y=complexes(3, 2)),
    sample("torch.tensordot(x, y, dims=1)", x=(2, 3), y=(2, 3)),
    sample("torch.tensordot(x, y, dims=-1)", x=(2, 3), y=(2, 3)),
    sample("torch.tensordot(x, y, dims=1)", x=(2, 3), y=floats(3, 2, dtype=F64)),
    *(
        sample("torch.kron(x, y)", x=x, y=y)
        for x, y in [((2, 2), (1, 3)), ((2,), (2, 3)), ((), (2,)), ((2, 1, 2), (2,))]
    ),
    sample("torch.kron(x, y)", x=complexes(2, 2), y=complexes(2)),
]

CHAINS = [
    sample("torch.linalg.multi_dot([x, y, z])", x=(2, 5), y=(5, 3), z=(3, 4)),
    sample("torch.linalg.multi_dot([x, y, z])", x=(5,), y=(5, 3), z=(3,)),
    sample(
        "import warnings\nwarnings.simplefilter('ignore')\ntorch.linalg.multi_dot([x, y]), torch.chain_matmul(x, y), torch.chain_matmul(x)",
        x=(2, 5),
        y=(5, 3),
    ),
    sample("torch.linalg.multi_dot([x, y])", x=(2, 5), y=(4, 3)),
    sample("torch.linalg.multi_dot([x])", x=(2, 5)),
    *(sample(f"torch.linalg.matrix_power(x, {n})", x=(3, 3), rtol=1e-4) for n in (0, 1, 2, 3, 5, -1, -2)),
    sample("torch.matrix_power(x, 4), x.matrix_power(2)", x=(2, 3, 3)),
    sample("torch.linalg.matrix_power(x, 3)", x=complexes(2, 2, dtype=np.complex128)),
    *(sample("torch.linalg.matrix_power(x, 2)", x=x) for x in ((2, 3), (3,))),
]

EQUATIONS = {
    "ij,jk->ik": [(2, 3), (3, 4)], "ij->ji": [(2, 3)], "ii->i": [(3, 3)], "ii": [(3, 3)], "ij->": [(2, 3)], "ij->j": [(2, 3)],
    "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)], "i,j->ij": [(2,), (3,)], "i,i": [(3,), (3,)], "bij,jk": [(2, 3, 4), (4, 5)],
    "ij,ij->ij": [(2, 3), (2, 3)], "...ij,...jk->...ik": [(2, 3, 4), (4, 5)], "b...,b...->...": [(2, 3, 4), (2, 3, 4)],
    "i,ij,j->": [(2,), (2, 3), (3,)], "bi,ij,bj->b": [(2, 3), (3, 4), (2, 4)], "bij,jk,kl->bil": [(2, 3, 4), (4, 5), (5, 2)],
    "ij,kj->ik": [(2, 3), (4, 3)], "ab,cd->abcd": [(2, 3), (4, 5)], "iij->ij": [(3, 3, 2)], "i j , j k -> k i": [(2, 3), (3, 4)],
    "ij,jk": [(2, 3), (2, 3)], "ij": [(2, 3, 1)], "ij->k": [(2, 3)], "ij->ii": [(2, 3)], "i1": [(2, 3)], "ij,jk->i": [(2, 3), (1, 4)],
    "Ab,bA->": [(2, 3), (3, 2)], "ij,k->i": [(2, 3), (4,)],
}  # fmt: skip
EINSUM = [
    *(
        sample(
            f"torch.einsum({equation!r}, {', '.join('xyz'[: len(shapes)])})", **dict(zip("xyz", shapes, strict=False))
        )
        for equation, shapes in EQUATIONS.items()
    ),
    sample("torch.einsum(x, [0, 1], y, [1, 2], [0, 2])", x=(2, 3), y=(3, 4)),
    sample("torch.einsum(x, [0, 1], y, [1, 2])", x=(2, 3), y=(3, 4)),
    sample("torch.einsum(x, [..., 0, 1], [..., 1, 0])", x=(2, 3, 4)),
    sample("torch.einsum('ij,jk', [x, y])", x=(2, 3), y=(3, 4)),
    sample("torch.einsum('ij,jk', x)", x=(2, 3)),
    sample("torch.einsum('ij,jk->ik', x, y)", x=complexes(2, 3), y=complexes(3, 2)),
    sample("torch.einsum('ij,jk->ik', x, y)", x=ints(2, 3), y=ints(3, 2), order=0),
    sample("torch.einsum('ij,jk->ik', x, y)", x=(0, 3), y=(3, 2)),
]

TABLE = TWO + SUMS + CHOSEN + CHAINS + EINSUM
