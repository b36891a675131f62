"""Linear algebra and Fourier transforms beyond the tables: graphs, names of results, errors, derivatives of any order."""

from __future__ import annotations

# ruff: noqa: E501  (a graph is a row)
import numpy as np
import pytest

import gradviz

from .same import F64, Sample, complexes, const, floats, sample
from .test_graph_names import tree

SPD = "p = x @ x.mT + 9 * torch.eye(3)\n"
# fmt: off
GRAPHS = [
    # products
    *(sample(f"torch.einsum({e!r}, {', '.join('xyz'[: len(s)])})", **dict(zip("xyz", s, strict=False))) for e, s in {
        "ij,jk->ik": [(2, 3), (3, 4)], "ij->ji": [(2, 3)], "ii->i": [(3, 3)], "ii": [(3, 3)], "ij->": [(2, 3)], "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)],
        "i,j->ij": [(2,), (3,)], "i,i->": [(3,), (3,)], "bij,jk": [(2, 3, 4), (4, 5)], "bij,jk,kl->bil": [(2, 3, 4), (4, 5), (5, 2)],
        "ij,ij->ij": [(2, 3), (2, 3)], "i,ij,j->": [(2,), (2, 3), (3,)], "bi,ij,bj->b": [(2, 3), (3, 4), (2, 4)], "ij,kj->ik": [(2, 3), (4, 3)], "ij,j->i": [(2, 3), (3,)],
    }.items()),
    *(sample(f"{f}(x, y)", x=x, y=y) for f, x, y in [
        ("torch.vdot", (3,), (3,)), ("torch.inner", (3,), (3,)), ("torch.inner", (2, 3), (4, 3)), ("torch.inner", (2, 3, 3), (3, 3)), ("torch.outer", (2,), (3,)),
        ("torch.tensordot", (2, 3, 4), (3, 4, 5)), ("torch.kron", (2, 2), (2, 3)), ("torch.kron", (2,), (2, 2)), ("torch.linalg.cross", (2, 3), (2, 3)), ("torch.linalg.vecdot", (3,), (3,)),
        ("torch.linalg.vecdot", (2, 3), (2, 3)), ("torch.matmul", (3,), (2, 3, 3)), ("torch.matmul", (2, 3, 3), (3,)), ("torch.matmul", (2, 4, 3, 3), (3, 3))]),
    *(sample(code, x=(3, 3)) for code in ("torch.trace(x)", "torch.linalg.matrix_power(x, 3)", "torch.linalg.matrix_power(x, 5)", "torch.linalg.matrix_power(x, -2)",
        "torch.linalg.matrix_power(x, 1)", "torch.linalg.multi_dot([x, x, x])", "torch.linalg.multi_dot([x, x])")),
    sample("torch.linalg.matrix_power(x, 4)", x=(2, 3, 3)), sample("torch.addr(x, y, z)", x=(3, 3), y=(3,), z=(3,)), sample("torch.addbmm(x, y, y)", x=(3, 3), y=(2, 3, 3)),
    # solutions and decompositions
    *(sample(code, x=(3, 3)) for code in ("torch.det(x)", "torch.logdet(x)", "torch.slogdet(x)[1]", "torch.inverse(x)", "torch.linalg.inv_ex(x)[0]", "torch.linalg.lu(x)[1]", "torch.linalg.lu_factor(x)[0]",
        "torch.lu_unpack(*torch.linalg.lu_factor(x))[2]", "torch.linalg.lu_solve(*torch.linalg.lu_factor(x), x)", "torch.linalg.qr(x)[1]", "torch.linalg.svd(x)[2]", "torch.linalg.svdvals(x)",
        "torch.linalg.eig(x)[0]", "torch.linalg.eigvals(x)", "torch.linalg.eigh(x)[1]", "torch.linalg.eigvalsh(x)", "torch.linalg.lstsq(x, x)[0]", "torch.matrix_exp(x)", "torch.linalg.pinv(x)",
        "torch.linalg.pinv(x, hermitian=True)", "torch.linalg.solve(x, x)", "torch.linalg.solve(x, x[0])", "torch.linalg.solve_triangular(x, x, upper=False)", "torch.linalg.cond(x)",
        "torch.linalg.norm(x)", "torch.linalg.norm(x, 1)", "torch.linalg.norm(x, 2)", "torch.linalg.norm(x, 'nuc')", "torch.linalg.matrix_norm(x, -2)", "torch.linalg.diagonal(x)")),
    *(sample(SPD + code, x=const(3, 3), y=(3, 3)) for code in ("torch.linalg.cholesky(p + y)", "torch.linalg.cholesky_ex(p + y)[0]", "torch.cholesky_solve(y, p)", "torch.cholesky_inverse(y)")),
    sample("torch.linalg.householder_product(x, y)", x=(4, 3), y=(3,)), sample("torch.ormqr(x, y, x)", x=(4, 3), y=(3,)), sample("torch.linalg.vander(x)", x=(3,)),
    # Fourier
    *(sample(f"torch.fft.{f}(x)", x=(4,)) for f in ("fft", "ifft", "rfft", "ihfft", "irfft", "hfft", "fftshift")), *(sample(f"torch.fft.fft(x, {n})", x=(4,)) for n in (3, 6)),
    *(sample(f"torch.fft.{f}(x)", x=(3, 4)) for f in ("fft2", "rfft2", "irfft2", "hfft2", "ihfft2")), *(sample(f"torch.fft.{f}(x)", x=(2, 3, 4)) for f in ("fftn", "hfftn", "ihfftn")),
    sample("torch.stft(x, 10, return_complex=True, window=torch.ones(10))", x=(50,)), sample("torch.stft(x, 10, return_complex=True, center=False, window=torch.ones(10))", x=(2, 50)),
]
# fmt: on


@pytest.mark.oracle
@pytest.mark.parametrize("row", [pytest.param(row, id=f"{i}: {row}") for i, row in enumerate(GRAPHS)])
def test_graph_equals_torchs(row: Sample) -> None:
    torch = pytest.importorskip("torch")
    assert tree(gradviz, row) == tree(torch, row)


@pytest.mark.oracle
def test_every_public_name_is_there() -> None:
    torch = pytest.importorskip("torch")
    for space in ("linalg", "fft"):
        theirs, ours = getattr(torch, space), getattr(gradviz, space)
        names = {n for n in dir(theirs) if callable(getattr(theirs, n)) and not n.startswith("_")} - {"Tensor"}
        assert not names - set(dir(ours)), f"gradviz.{space} lacks {sorted(names - set(dir(ours)))}"


def test_singular_matrices_raise_linalgerror() -> None:
    assert issubclass(gradviz.linalg.LinAlgError, RuntimeError)
    with pytest.raises(gradviz.linalg.LinAlgError, match="diagonal element 2 is zero"):
        gradviz.linalg.inv(gradviz.tensor([[1.0, 2.0], [0.5, 1.0]]))
    with pytest.raises(gradviz.linalg.LinAlgError, match="Batch element 1"):
        gradviz.linalg.cholesky(gradviz.stack([gradviz.eye(2), -gradviz.eye(2)]))


def test_the_determinant_of_a_singular_matrix_has_a_gradient() -> None:
    """PyTorch gives zero here; by finite differences it is the matrix of cofactors."""
    x = gradviz.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]], dtype=gradviz.float64, requires_grad=True)
    x.det().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[4, 4, -4], [-2, -2, 2], [0, 0, 0]], atol=1e-12)


@pytest.mark.oracle
def test_third_derivatives_of_a_determinant() -> None:
    torch = pytest.importorskip("torch")
    start = np.random.default_rng(0).standard_normal((3, 3))

    def third(lib: object) -> np.ndarray:
        x = lib.tensor(start, requires_grad=True)  # type: ignore[attr-defined]
        value = x.det()
        for _ in range(3):
            (g,) = lib.autograd.grad(value, x, create_graph=True)  # type: ignore[attr-defined]
            value = (g * g * lib.arange(9.0).reshape(3, 3)).sum()  # type: ignore[attr-defined]
        return value.detach().numpy()  # type: ignore[no-any-return]

    np.testing.assert_allclose(third(gradviz), third(torch), rtol=1e-8)


INVARIANT = [
    sample(
        "u, s, v = torch.linalg.svd(x, full_matrices=False)\n(u * s) @ v",
        x=complexes(3, 2, dtype=np.complex128),
        text=False,
    ),
    sample(
        "w, v = torch.linalg.eigh(x @ x.mH)\nv @ torch.diag(w + 0j) @ v.mH",
        x=complexes(3, 3, dtype=np.complex128),
        text=False,
    ),
    sample(
        "w, v = torch.linalg.eig(x)\n(v @ torch.diag(w) @ torch.linalg.inv(v)).real",
        x=floats(4, 4, dtype=F64),
        text=False,
    ),
    sample("q, r = torch.linalg.qr(x)\nq @ r", x=complexes(3, 3, dtype=np.complex128), text=False),
    sample("torch.fft.ifftn(torch.fft.fftn(x)).real", x=floats(3, 4, dtype=F64), text=False),
]


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{i}: {row}") for i, row in enumerate(INVARIANT)])
def test_what_is_taken_apart_and_put_together_has_the_gradient_of_the_whole(row: Sample) -> None:
    """The gradient of a sum weighted with itself goes through unchanged: dL/dx is that of x itself."""
    from .same import evaluate, leaves

    x = leaves(gradviz, row.made)["x"]
    out = evaluate(row.code, {"torch": gradviz, "x": x})
    whole = x @ x.mH if "x @ x.mH" in row.code else x
    np.testing.assert_allclose(out.detach().numpy(), whole.detach().numpy(), atol=1e-10)
    weights = gradviz.tensor(np.random.default_rng(1).standard_normal(out.shape))
    (got,) = gradviz.autograd.grad((out * weights).abs().sum(), x)
    (want,) = gradviz.autograd.grad((whole * weights).abs().sum(), x)
    np.testing.assert_allclose(got.numpy(), want.numpy(), atol=1e-8)
