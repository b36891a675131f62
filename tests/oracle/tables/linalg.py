"""Systems of equations, inverses, determinants, least squares, norms, and functions of matrices."""

# ruff: noqa: E501  (tables)
from __future__ import annotations

import numpy as np

from ..same import F64, complexes, const, floats, given, ints, sample

C128 = np.complex128
LOOSE = 2e-3
WELL = "x = x + 3 * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)\n"
SPD = "x = x @ x.mT.conj() + torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)\n"
QUIET = "import warnings\nwarnings.simplefilter('ignore')\n"
SQUARE = [(3, 3), (2, 3, 3), (1, 1), (0, 0), (0, 2, 2), floats(3, 3, dtype=F64), complexes(2, 2, dtype=C128)]

SOLVE = [
    *(
        sample(WELL + "torch.linalg.solve(x, y)", x=x, y=y, rtol=LOOSE, text=False)
        for x, y in [
            ((3, 3), (3, 2)),
            ((3, 3), (3,)),
            ((2, 3, 3), (2, 3)),
            ((2, 3, 3), (3, 1)),
            ((3, 3), (2, 3, 1)),
            ((0, 0), (0, 2)),
        ]
    ),
    sample(WELL + "torch.linalg.solve(x, y)", x=complexes(3, 3, dtype=C128), y=complexes(3, dtype=C128)),
    sample(WELL + "torch.linalg.solve(x, y, left=False)", x=floats(3, 3, dtype=F64), y=floats(2, 3, dtype=F64)),
    sample(WELL + "torch.linalg.solve(x, y, left=False)", x=complexes(2, 2, dtype=C128), y=complexes(3, 2, dtype=C128)),
    sample(WELL + "torch.linalg.solve_ex(x, y)", x=floats(3, 3, dtype=F64), y=floats(3, 2, dtype=F64)),
    sample("torch.linalg.solve_ex(x, y)", x=given([[1.0, 2], [2, 4]]), y=given([1.0, 2]), order=0),
    sample("torch.linalg.solve_ex(x, y, check_errors=True)", x=given([[1.0, 2], [2, 4]]), y=given([1.0, 2])),
    *(
        sample("torch.linalg.solve(x, y)", x=x, y=y)
        for x, y in [
            (given(np.zeros((2, 2))), (2,)),
            (given(np.zeros((3, 2, 2))), (3, 2, 1)),
            ((2, 3), (2,)),
            ((2, 2), (3,)),
            ((2, 2), (3, 1)),
            ((2, 2), floats(2, dtype=F64)),
            (ints(2, 2), ints(2)),
            ((2,), (2,)),
        ]
    ),
    sample("torch.linalg.solve(x, y, left=False)", x=(2, 2), y=(2,)),
    sample(
        WELL + "torch.linalg.tensorsolve(x.reshape(2, 2, 4), y)", x=floats(4, 4, dtype=F64), y=floats(2, 2, dtype=F64)
    ),
    sample(
        WELL + "torch.linalg.tensorsolve(x.reshape(2, 4, 2), y, dims=(0,))",
        x=floats(4, 4, dtype=F64),
        y=floats(4, 2, dtype=F64),
        text=False,
    ),
    sample("torch.linalg.tensorsolve(x, y)", x=(2, 3), y=(2,)),
    sample(WELL + "torch.linalg.tensorinv(x.reshape(4, 2, 2), ind=1)", x=floats(4, 4, dtype=F64), text=False),
    *(sample(f"torch.linalg.tensorinv(x, ind={ind})", x=(2, 3)) for ind in (1, 0)),
]

INVERSE = [
    *(sample(WELL + "torch.linalg.inv(x)", x=x, rtol=LOOSE, text=False) for x in SQUARE),
    sample(WELL + "torch.inverse(x), x.inverse(), torch.linalg.inv_ex(x)", x=floats(3, 3, dtype=F64)),
    sample("torch.linalg.inv_ex(x)", x=given(np.zeros((2, 2))), order=0),
    sample("torch.linalg.inv_ex(x, check_errors=True)", x=given(np.zeros((2, 2)))),
    *(
        sample("torch.linalg.inv(x)", x=x)
        for x in (
            given(np.zeros((2, 2))),
            given(np.zeros((3, 2, 2))),
            (3, 2),
            (3,),
            ints(3, 3),
            floats(3, 3, dtype=np.float16),
        )
    ),
]

DET = [
    *(sample("torch.linalg.det(x)", x=x, rtol=LOOSE, text=False) for x in SQUARE),
    sample("torch.det(x), x.det()", x=floats(4, 4, dtype=F64)),
    *(sample("torch.linalg.slogdet(x)", x=x, rtol=LOOSE, text=False) for x in SQUARE),
    sample("torch.slogdet(x)", x=floats(3, 3, dtype=F64)),
    sample(SPD + "torch.logdet(x), x.logdet()", x=floats(2, 3, 3, dtype=F64)),
    sample("torch.logdet(x)", x=given(-np.eye(3)), order=0),
    *(sample(f"torch.{f}(x)", x=x) for f in ("det", "linalg.slogdet") for x in ((2, 3), ints(2, 2), (2,))),
]

LEAST = [
    *(
        sample("torch.linalg.pinv(x)", x=x, rtol=LOOSE, text=False)
        for x in [(3, 3), (2, 4, 3), (2, 5), (0, 3), complexes(3, 2, dtype=C128), floats(4, 2, dtype=F64)]
    ),
    sample("x = x + x.mT\ntorch.linalg.pinv(x, hermitian=True)", x=floats(3, 3, dtype=F64)),
    sample("x = x @ x.mT\ntorch.linalg.pinv(x, hermitian=True)", x=floats(4, 2, dtype=F64), order=1),
    sample("torch.linalg.pinv(x, rtol=0.5), torch.linalg.pinv(x, atol=0.5)", x=floats(4, 3, dtype=F64), order=1),
    sample(
        "torch.linalg.pinv(x, atol=torch.tensor(0.5)), torch.linalg.pinv(x, 0.2)", x=floats(4, 3, dtype=F64), order=0
    ),
    sample("torch.pinverse(x), x.pinverse()", x=floats(4, 3, dtype=F64)),
    *(sample("torch.linalg.pinv(x)", x=x) for x in ((3,), ints(3, 3))),
    sample(
        "torch.linalg.matrix_rank(x), torch.linalg.matrix_rank(x @ x.mT, hermitian=True), torch.linalg.matrix_rank(x, atol=10.)",
        x=const(4, 2),
    ),
    sample("torch.linalg.matrix_rank(x), torch.linalg.matrix_rank(x, tol=0.1)", x=const(3, 4, 2)),
    sample("torch.linalg.matrix_rank(x, rtol=torch.tensor([0.1, 0.9, 0.5]))", x=const(3, 4, 2)),
    *(sample("torch.linalg.matrix_rank(x)", x=x) for x in (const(3), const(0, 3))),
    *(
        sample(f"torch.linalg.lstsq(x, y, driver={driver!r})", x=floats(*x, dtype=F64), y=floats(*y, dtype=F64))
        for driver in (None, "gels", "gelsd", "gelss")
        for x, y in [((4, 3), (4, 2)), ((3, 3), (3, 1)), ((2, 4), (2, 2)), ((2, 4, 3), (2, 4, 1))]
    ),
    sample("torch.linalg.lstsq(x, y)", x=floats(4, 3, dtype=F64), y=floats(4, dtype=F64)),
    sample(
        "torch.linalg.lstsq(x, y)", x=complexes(4, 3, dtype=C128), y=complexes(4, 2, dtype=C128), text=False, order=1
    ),
    *(
        sample("torch.linalg.lstsq(x, y)", x=x, y=y)
        for x, y in [((4, 3), (3, 2)), ((4,), (4,)), ((4, 3), floats(4, 2, dtype=F64))]
    ),
    sample("torch.linalg.lstsq(x, y, driver='x')", x=(4, 3), y=(4, 2)),
]

NORMS = [
    *(
        sample(f"torch.linalg.norm(x, {order})", x=x)
        for order in ("None", "2", "1", "3.5", "0", "float('inf')", "-1")
        for x in ((4,),)
    ),
    *(
        sample(f"torch.linalg.norm(x, {order})", x=floats(3, 2, dtype=F64))
        for order in ("None", "'fro'", "'nuc'", "2", "-2", "1", "-1", "float('inf')", "-float('inf')")
    ),
    *(
        sample(f"torch.linalg.norm(x, {order}, {dim}, keepdim={keep})", x=floats(2, 3, 2, dtype=F64), text=False)
        for order, dim in [
            ("2", "(0, 2)"),
            ("'nuc'", "(2, 0)"),
            ("1", "(0, 1)"),
            ("1", "(2, 1)"),
            ("3", "1"),
            ("None", "(0, 1, 2)"),
            ("'fro'", "(1, 0)"),
        ]
        for keep in (True, False)
    ),
    sample("torch.linalg.norm(x), torch.linalg.norm(x, dtype=torch.float64)", x=(2, 3, 2)),
    sample(
        "torch.linalg.matrix_norm(x), torch.linalg.matrix_norm(x, 'nuc', (0, 2), True)",
        x=floats(2, 3, 2, dtype=F64),
        text=False,
    ),
    sample("torch.linalg.matrix_norm(x, 2), torch.linalg.matrix_norm(x, 'nuc')", x=complexes(3, 2, dtype=C128)),
    sample(
        "torch.linalg.vector_norm(x), torch.linalg.vector_norm(x, 3, 1), torch.linalg.vector_norm(x, 1, (0, 1), True)",
        x=(2, 3),
    ),
    *(sample(f"torch.linalg.norm(x, {order})", x=(0, 3)) for order in ("1", "float('inf')", "2", "'nuc'", "-1")),
    *(
        sample(code, x=x)
        for code, x in [
            ("torch.linalg.norm(x, 'fro')", (2, 2, 2)),
            ("torch.linalg.norm(x, 3)", (2, 2)),
            ("torch.linalg.matrix_norm(x)", (2,)),
            ("torch.linalg.matrix_norm(x, 'x')", (2, 2)),
            ("torch.linalg.matrix_norm(x, dim=(0, 0))", (2, 2)),
            ("torch.linalg.matrix_norm(x)", ints(2, 2)),
            ("torch.linalg.vector_norm(x)", ints(2, 2)),
            ("torch.linalg.vector_norm(x, 'fro')", (2,)),
            ("torch.linalg.cond(x, 3)", (2, 2)),
            ("torch.linalg.cond(x, 1)", (2, 3)),
            ("torch.linalg.vector_norm(x, float('inf'))", (0,)),
            ("torch.linalg.cond(x)", (2,)),
        ]
    ),
    *(sample(f"torch.linalg.cond(x, {p})", x=floats(3, 3, dtype=F64)) for p in ("None", "2", "-2")),
    *(
        sample(f"torch.linalg.cond(x, {p})", x=floats(3, 3, dtype=F64), order=0, text=False)
        for p in ("1", "'fro'", "'nuc'", "float('inf')")
    ),
    sample("torch.linalg.cond(x), torch.linalg.cond(x, 1)", x=(0, 3, 3), order=0),
    sample("torch.linalg.cond(x, 1)", x=given(np.zeros((2, 2))), order=0),
]

VECTORS = [
    *(
        sample(code, x=(2, 3), y=(2, 3))
        for code in ("torch.linalg.cross(x, y)", "torch.cross(x, y, dim=1)", "x.cross(y, dim=-1)")
    ),
    sample("torch.linalg.cross(x, y, dim=0)", x=(3, 2), y=(3, 1)),
    sample("torch.linalg.cross(x, y)", x=complexes(3), y=complexes(3)),
    *(sample("torch.linalg.cross(x, y)", x=x, y=y) for x, y in [((2,), (2,)), ((2, 3), (3,))]),
    sample(QUIET + "torch.cross(x, y)", x=(2, 2), y=(2, 2)),
    sample(QUIET + "torch.cross(x, y)", x=(3, 2), y=(3, 2)),
    sample("torch.linalg.vecdot(x, y), torch.linalg.vecdot(x, y, dim=0)", x=(2, 3), y=(2, 3)),
    sample("torch.linalg.vecdot(x, y)", x=(3,), y=(3,)),
    sample("torch.linalg.vecdot(x, y)", x=complexes(2, 3), y=complexes(3), text=False),
    *(sample("torch.linalg.vecdot(x, y)", x=(3,), y=y) for y in ((2,), floats(3, dtype=F64))),
    *(sample(f"torch.linalg.vander(x{n})", x=x) for n in ("", ", N=2", ", N=5") for x in ((3,), (2, 3), complexes(2))),
    sample("torch.linalg.vander(x)", x=ints(3), order=0),
    *(sample(f"torch.linalg.vander(x, N={n})", x=(3,)) for n in (0, 1)),
    sample("torch.linalg.vander(x)", x=()),
    sample("torch.linalg.diagonal(x), torch.linalg.diagonal(x, offset=1, dim1=0, dim2=1)", x=(2, 3, 4)),
    *(sample(code, x=x, rtol=LOOSE, text=False) for code in ("torch.linalg.matrix_exp(x)",) for x in SQUARE),
    sample("torch.matrix_exp(x), x.matrix_exp()", x=floats(3, 3, dtype=F64)),
    sample("torch.matrix_exp(x)", x=(2, 3)),
]

TABLE = SOLVE + INVERSE + DET + LEAST + NORMS + VECTORS
