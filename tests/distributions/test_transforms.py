"""Transforms, constraints and their registries beside PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nn.both import both

torch = pytest.importorskip("torch")

SAID = ("domain", "codomain", "bijective", "sign", "event_dim")
V, M = [0.3, -0.5, 1.2], [[0.3, -0.5], [1.2, 0.8]]
# how it is made, and an x
TRANSFORMS: dict[str, tuple[Any, Any]] = {
    "abs": (lambda lib, T: T.AbsTransform(), V),
    "affine": (lambda lib, T: T.AffineTransform(lib.tensor([1.0, 2.0, 3.0]), -2.0), V),
    "affine event": (lambda lib, T: T.AffineTransform(1.0, lib.tensor([1.0, -2.0, 3.0]), event_dim=1), V),
    "exp": (lambda lib, T: T.ExpTransform(), V),
    "exp cached": (lambda lib, T: T.ExpTransform().with_cache(), V),
    "inverse": (lambda lib, T: T.ExpTransform().inv, [0.3, 0.5, 1.2]),
    "power": (lambda lib, T: T.PowerTransform(lib.tensor(2.5)), [0.3, 0.5, 1.2]),
    "sigmoid": (lambda lib, T: T.SigmoidTransform(), V),
    "softplus": (lambda lib, T: T.SoftplusTransform(), V),
    "tanh": (lambda lib, T: T.TanhTransform(), V),
    "softmax": (lambda lib, T: T.SoftmaxTransform(), V),
    "stick": (lambda lib, T: T.StickBreakingTransform(), V),
    "corr": (lambda lib, T: T.CorrCholeskyTransform(), V),
    "cholesky": (lambda lib, T: T.LowerCholeskyTransform(), M),
    "definite": (lambda lib, T: T.PositiveDefiniteTransform(), M),
    "compose": (lambda lib, T: T.ComposeTransform([T.AffineTransform(0.5, 2.0), T.StickBreakingTransform()]), V),
    "compose inverse": (
        lambda lib, T: T.ComposeTransform([T.AffineTransform(0.5, 2.0), T.ExpTransform()]).inv, [1.0, 2.0]
    ),
    "identity": (lambda lib, T: T.identity_transform, V),
    "independent": (lambda lib, T: T.IndependentTransform(T.ExpTransform(), 1), M),
    "reshape": (lambda lib, T: T.ReshapeTransform((2, 2), (4,)), M),
    "cat": (lambda lib, T: T.CatTransform([T.ExpTransform(), T.TanhTransform()], dim=0, lengths=[1, 2]), V),
    "stack": (lambda lib, T: T.StackTransform([T.ExpTransform(), T.TanhTransform()], dim=1), M),
    "cdf": (lambda lib, T: T.CumulativeDistributionTransform(lib.distributions.Normal(0.0, 1.0)), V),
}  # fmt: skip


def outcome(call: Any) -> Any:
    try:
        value = call()
    except Exception as error:
        return [type(error).__name__, str(error).split("\n")[0]]
    return value if hasattr(value, "detach") else repr(value)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name: str) -> None:
    make, values = TRANSFORMS[name]

    def program(lib: Any) -> Any:
        transform = make(lib, lib.distributions.transforms)
        x = lib.tensor(values, requires_grad=True)
        y = transform(x)
        (y * lib.arange(float(y.numel())).reshape(y.shape)).sum().backward()
        return (
            y, x.grad, transform.inv(y.detach()), repr(transform), repr(transform.inv), transform.inv.inv is transform,
            outcome(lambda: transform.log_abs_det_jacobian(x.detach(), y.detach())),
            *(outcome(lambda n=n: getattr(transform, n)) for n in SAID),
            outcome(lambda: tuple(transform.forward_shape(lib.Size((5, 2, 2))))),
            outcome(lambda: tuple(transform.inverse_shape((4,)))),
            outcome(lambda: tuple(transform.forward_shape(()))),
            outcome(lambda: transform == make(lib, lib.distributions.transforms)),
        )  # fmt: skip

    both(program)


PLAIN = [
    "boolean", "corr_cholesky", "lower_cholesky", "lower_triangular", "nonnegative", "nonnegative_integer", "one_hot",
    "positive", "positive_definite", "positive_integer", "positive_semidefinite", "real", "real_vector", "simplex",
    "square", "symmetric", "unit_interval", "dependent",
]  # fmt: skip
CONSTRAINTS = {
    **{name: (lambda C, name=name: getattr(C, name)) for name in PLAIN},
    "interval": lambda C: C.interval(-1, 2), "half open": lambda C: C.half_open_interval(-1, 1),
    "greater": lambda C: C.greater_than(0.5), "greater eq": lambda C: C.greater_than_eq(0.5),
    "less": lambda C: C.less_than(0.5), "integers": lambda C: C.integer_interval(0, 1),
    "multinomial": lambda C: C.multinomial(2), "cat": lambda C: C.cat([C.real, C.positive]),
    "stack": lambda C: C.stack([C.real, C.positive]), "independent": lambda C: C.independent(C.positive, 1),
    "mixture": lambda C: C.MixtureSameFamilyConstraint(C.positive),
}  # fmt: skip
VALUES = [
    [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.6, 0.8]], [[2.0, 0.5], [0.5, 1.0]], [[1.0, 2.0], [-3.0, 0.5]],
    [[float("nan"), 0.3], [0.5, 0.5]], [[0.0, 1.0], [2.0, 0.0]], [0.25, 0.75], [0.0, 1.0], [-1.0, 2.0],
]  # fmt: skip


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints(name: str) -> None:
    def program(lib: Any) -> Any:
        C = lib.distributions.constraints
        c = CONSTRAINTS[name](C)
        checked = [outcome(lambda v=v: c.check(lib.tensor(v))) for v in VALUES[: 6 if c is not C.dependent else 1]]
        vectors = [outcome(lambda v=v: c.check(lib.tensor(v))) for v in VALUES[6:] if name in ("simplex", "one_hot")]
        flags = [outcome(lambda: c.is_discrete), outcome(lambda: c.event_dim), C.is_dependent(c)]
        return checked, vectors, flags, repr(c)

    both(program)


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_registries(name: str, registry: str) -> None:
    def program(lib: Any) -> Any:
        transform = getattr(lib.distributions, registry)(CONSTRAINTS[name](lib.distributions.constraints))
        return repr(transform), outcome(lambda: transform(lib.tensor([[0.3, -1.0], [0.5, 0.2]])))

    both(program)
