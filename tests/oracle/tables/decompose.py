"""Decompositions of matrices: triangular, orthogonal, by eigenvalues and by singular values.

Where the choice of signs or phases is free, what does not depend on it is compared.
"""

# ruff: noqa: E501  (tables)
from __future__ import annotations

import numpy as np

from ..same import F64, complexes, const, floats, given, ints, sample

C128 = np.complex128
LOOSE = 2e-3
SPD = "x = x @ x.mT.conj() + torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)\n"
TRI = "x = x.tril() + 2 * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)\n"
QUIET = "import warnings\nwarnings.simplefilter('ignore')\n"


def double(*shape: int) -> object:
    return floats(*shape, dtype=F64)


def pair(*shape: int) -> object:
    return complexes(*shape, dtype=C128)


TRIANGULAR = [
    *(
        sample(TRI + f"torch.linalg.solve_triangular(x{turn}, y, upper={upper}{more})", x=x, y=y)
        for turn, upper in (("", False), (".mT", True))
        for more in ("", ", unitriangular=True")
        for x, y in [(double(3, 3), double(3, 2)), (double(2, 3, 3), double(3, 1)), (pair(3, 3), pair(3, 2))]
    ),
    sample(TRI + "torch.linalg.solve_triangular(x, y, upper=False, left=False)", x=double(3, 3), y=double(2, 3)),
    sample(TRI + "torch.linalg.solve_triangular(x, y, upper=False, left=False)", x=pair(3, 3), y=pair(2, 3)),
    sample(TRI + "torch.linalg.solve_triangular(x, y, upper=False)", x=(0, 0), y=(0, 2)),
    *(
        sample("torch.linalg.solve_triangular(x, y, upper=True)", x=x, y=y)
        for x, y in [((2, 2), (3, 1)), ((2, 3), (2, 1)), ((2, 2), (2,))]
    ),
    *(
        sample(
            QUIET + TRI + f"torch.triangular_solve(y, x, upper={upper}, transpose={turn}, unitriangular={unit})",
            x=x,
            y=y,
        )
        for upper in (True, False)
        for turn in (True, False)
        for unit in (True, False)
        for x, y in [(double(3, 3), double(3, 2))]
    ),
    sample(QUIET + TRI + "torch.triangular_solve(y, x, upper=False, transpose=True)", x=pair(2, 2), y=pair(2, 1)),
    sample(QUIET + "x.triangular_solve(y)", x=double(3, 2), y=double(2, 2)),
]

CHOLESKY = [
    *(
        sample(SPD + f"torch.linalg.cholesky(x{more})", x=x, text=False)
        for more in ("", ", upper=True")
        for x in [double(3, 3), double(2, 3, 3), pair(3, 3), double(0, 0)]
    ),
    sample(SPD + "torch.linalg.cholesky_ex(x)", x=(3, 3), rtol=LOOSE, text=False),
    sample(QUIET + SPD + "torch.cholesky(x), torch.cholesky(x, upper=True), x.cholesky()", x=double(3, 3)),
    *(
        sample("torch.linalg.cholesky(x)", x=x)
        for x in (given(-np.eye(2)), given(np.stack([np.eye(2), -np.eye(2)])), (2, 3), (2,), ints(2, 2))
    ),
    sample(QUIET + "torch.cholesky(x)", x=given(-np.eye(2))),
    sample("torch.linalg.cholesky_ex(x)[1]", x=given([[1.0, 2], [2, 1]]), order=0),
    *(
        sample(TRI + f"torch.cholesky_solve(y, x{more})", x=x, y=y)
        for more in ("", ", upper=False")
        for x, y in [(double(3, 3), double(3, 2)), (double(2, 3, 3), double(3, 1)), (pair(2, 2), pair(2, 1))]
    ),
    sample(TRI + "torch.cholesky_solve(y, x.mT, upper=True), y.cholesky_solve(x)", x=double(3, 3), y=double(3, 2)),
    sample(
        TRI + "torch.cholesky_inverse(x), x.cholesky_inverse(), torch.cholesky_inverse(x.mT, upper=True)",
        x=double(3, 3),
    ),
    sample("torch.cholesky_solve(y, x)", x=(3, 3), y=(3,)),
    sample("torch.cholesky_inverse(x)", x=(3, 2)),
]

LU = [
    *(
        sample("torch.linalg.lu(x)", x=x)
        for x in (double(3, 3), double(2, 4), double(4, 2), double(2, 3, 3), pair(3, 3), double(0, 2))
    ),
    *(sample("torch.linalg.lu_factor(x)", x=x) for x in (double(3, 3), double(2, 4), double(4, 2), pair(3, 2))),
    sample("torch.linalg.lu_factor_ex(x)", x=double(2, 3, 3)),
    sample(QUIET + "torch.lu(x), torch.lu(x, get_infos=True), x.lu()", x=double(3, 3)),
    *(sample("torch.lu_unpack(*torch.linalg.lu_factor(x))", x=x) for x in (double(3, 3), double(2, 4), double(4, 2))),
    sample(
        "d, p = torch.linalg.lu_factor(x)\ntorch.lu_unpack(d, p, unpack_data=False), torch.lu_unpack(d, p, unpack_pivots=False)",
        x=double(3, 3),
        order=0,
        text=False,
    ),
    *(
        sample(
            f"d, p = torch.linalg.lu_factor(x)\ntorch.linalg.lu_solve(d, p, y, left={left}, adjoint={adjoint})",
            x=x,
            y=y,
        )
        for left in (True, False)
        for adjoint in (True, False)
        for x, y in [(double(3, 3), double(3, 3)), (pair(2, 2), pair(2, 2))]
    ),
    sample(
        QUIET + "d, p = torch.linalg.lu_factor(x)\ntorch.lu_solve(y, d, p), y.lu_solve(d, p)",
        x=double(2, 3, 3),
        y=double(3, 1),
    ),
    *(
        sample(code, x=x, order=0)
        for code, x in [
            ("torch.linalg.lu_factor(x)", given(np.zeros((2, 2)))),
            ("torch.linalg.lu_factor_ex(x)", given(np.zeros((2, 2)))),
            ("torch.linalg.lu(x, pivot=False)", (2, 2)),
            ("torch.linalg.lu_factor(x)", (2,)),
            ("torch.linalg.lu(x)", (2,)),
            ("torch.linalg.lu_solve(x, torch.tensor([1, 2]), x)", (2, 2)),
            ("torch.lu_unpack(x, torch.tensor([1, 2]))", (2, 2)),
        ]
    ),
]

QR = [
    *(
        sample(f"torch.linalg.qr(x{mode})", x=x)
        for mode in ("", ", mode='complete'")
        for x in (double(3, 3), double(2, 4), pair(2, 3), double(2, 3, 3))
    ),
    *(sample("torch.linalg.qr(x)", x=x) for x in (double(4, 2), pair(3, 2), (0, 2))),
    sample("torch.linalg.qr(x, mode='r'), torch.linalg.qr(x, mode='complete')", x=const(4, 2), text=False),
    sample(QUIET + "torch.qr(x), x.qr()", x=double(4, 2)),
    sample("torch.linalg.qr(x, mode='x')", x=(2, 2)),
    sample("torch.linalg.qr(x, mode='complete')[0].sum().backward()", x=(3, 2)),
    sample("torch.linalg.qr(x, mode='r')[1].sum().backward()", x=(3, 2)),
    sample("torch.geqrf(x), x.geqrf()", x=floats(4, 3, dtype=F64, requires_grad=False)),
    sample("torch.geqrf(x)", x=floats(2, 4, 3, dtype=F64, requires_grad=False)),
    *(
        sample("torch.linalg.householder_product(x, y)", x=x, y=y)
        for x, y in [
            (double(4, 3), double(3)),
            (double(4, 3), double(2)),
            (double(2, 3, 3), double(2, 3)),
            (pair(3, 2), pair(2)),
            (double(3, 3), double(0)),
        ]
    ),
    sample("torch.orgqr(x, y), x.orgqr(y)", x=double(4, 3), y=double(3)),
    sample("torch.linalg.householder_product(x, y)", x=(2, 3), y=(3,)),
    *(
        sample(f"torch.ormqr(x, y, z, left={left}, transpose={turn})", x=double(3, 2), y=double(2), z=double(3, 3))
        for left in (True, False)
        for turn in (True, False)
    ),
    sample("torch.ormqr(x, y, z, transpose=True)", x=pair(3, 2), y=pair(2), z=pair(3, 2), order=1),
    sample("torch.ormqr(x, y, z)", x=(3, 2), y=(2,), z=(2, 2)),
]

LDL = [
    *(
        sample(
            "x = x + x.mT\ntorch.linalg.ldl_factor(x), torch.linalg.ldl_factor_ex(x)",
            x=floats(*s, dtype=F64, requires_grad=False),
        )
        for s in ((5, 5), (2, 4, 4), (0, 0))
    ),
    *(
        sample("torch.linalg.ldl_factor_ex(x)", x=given(x, requires_grad=False))
        for x in ([[0.0, 1], [1, 0]], [[0.0, 1, 2], [1, 0, 3], [2, 3, 0]], [[1.0, 5, 2], [5, 1, 3], [2, 3, 9]])
    ),
    *(
        sample(
            "x = x + x.mT\nd, p = torch.linalg.ldl_factor(x)\ntorch.linalg.ldl_solve(d, p, y), (x @ torch.linalg.ldl_solve(d, p, y) - y).abs().max() < 1e-9",
            x=floats(*s, dtype=F64, requires_grad=False),
            y=floats(s[-1], 2, dtype=F64, requires_grad=False),
        )
        for s in ((5, 5), (2, 4, 4))
    ),
    sample(
        "x = x + x.mT.conj()\nd, p = torch.linalg.ldl_factor(x, hermitian=True)\ntorch.linalg.ldl_solve(d, p, x, hermitian=True)",
        x=complexes(3, 3, dtype=C128, requires_grad=False),
        text=False,
    ),
    sample("torch.linalg.ldl_factor(x)", x=const(2, 3)),
]

SPECTRUM = [
    *(
        sample(
            "x = x + x.mT.conj()\nvalues, vectors = torch.linalg.eigh(x)\nvalues, vectors.abs() ** 2", x=x, text=False
        )
        for x in (double(3, 3), double(2, 3, 3), pair(3, 3))
    ),
    sample("x = x + x.mT\ntorch.linalg.eigvalsh(x), torch.linalg.eigvalsh(x, UPLO='U')", x=double(3, 3)),
    sample("x = x + x.mT\ntorch.linalg.eigvalsh(x)", x=(0, 0)),
    *(
        sample("values, vectors = torch.linalg.eig(x)\nvalues.real.sort()[0], (values * values).sum()", x=x, text=False)
        for x in (double(4, 4), double(2, 3, 3), pair(3, 3))
    ),
    *(
        sample(
            "values, vectors = torch.linalg.eig(x)\nweights = values.abs()\n(vectors.abs() ** 2 * weights[..., None, :]).sum(-1)",
            x=x,
            text=False,
        )
        for x in (double(4, 4), pair(3, 3))
    ),
    sample("torch.linalg.eigvals(x).abs().sort()[0]", x=double(4, 4), text=False),
    *(sample("torch.linalg.eig(x)", x=x) for x in ((2, 3), (2,), given([[np.nan, 1], [1, 1]]))),
    sample("torch.linalg.eigh(x, UPLO='X')", x=(2, 2)),
    sample("torch.linalg.eigvalsh(x)", x=(2, 3)),
]

SVD = [
    *(
        sample(
            "u, s, v = torch.linalg.svd(x, full_matrices=False)\ns, u.abs() ** 2, v.abs() ** 2, u @ v", x=x, text=False
        )
        for x in (double(3, 3), double(4, 2), double(2, 4), double(2, 3, 2))
    ),
    sample("u, s, v = torch.linalg.svd(x, full_matrices=False)\ns, u @ v, u.abs() ** 2", x=pair(3, 3), text=False),
    sample("u, s, v = torch.linalg.svd(x)\nu[..., :2].abs() ** 2, s, v.abs() ** 2", x=double(4, 2), text=False),
    sample("torch.linalg.svdvals(x)", x=double(4, 2)),
    sample("torch.linalg.svdvals(x), torch.linalg.svdvals(x.detach())", x=(2, 4, 3), rtol=LOOSE, text=False),
    sample("torch.linalg.svdvals(x)", x=(0, 3)),
    sample(
        QUIET
        + "u, s, v = torch.svd(x)\nu @ v.mT, s, torch.svd(x.detach(), compute_uv=False)[1], torch.svd(x, some=False)[2].abs() ** 2",
        x=double(3, 2),
        text=False,
    ),
    *(sample("torch.linalg.svd(x)", x=x) for x in ((2,), ints(2, 2))),
    sample(
        "u, s, v = torch.svd_lowrank(x @ y, 2)\ns, u @ torch.diag(s) @ v.mT",
        x=double(4, 2),
        y=double(2, 5),
        order=0,
        text=False,
    ),
    sample(
        "u, s, v = torch.svd_lowrank(x @ y, 2, M=x @ y * 0.5)\ns, u @ torch.diag(s) @ v.mT",
        x=double(5, 2),
        y=double(2, 4),
        order=0,
        text=False,
    ),
    sample(
        "u, s, v = torch.pca_lowrank(x @ y + 1, 2)\ns, u @ torch.diag(s) @ v.mT",
        x=double(4, 2),
        y=double(2, 5),
        order=0,
        text=False,
    ),
    sample("torch.pca_lowrank(x, 9)", x=(2, 3)),
]

TABLE = TRIANGULAR + CHOLESKY + LU + QR + LDL + SPECTRUM + SVD
