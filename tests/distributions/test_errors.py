"""What PyTorch refuses is refused in its words; what it prints is printed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nn.both import both

torch = pytest.importorskip("torch")

WRONG = """
D.Normal(z, -one)
D.Normal(float('nan'), 1.0)
D.Normal(z, lib.ones(3))
D.Normal('a', 1.0)
D.Normal(z, one).log_prob(1.0)
D.Normal(z, one).log_prob(lib.zeros(3))
D.Normal(z, one).expand((3,))
D.Normal(z, one).sample(3)
D.Normal(z, one).sample_n(3)
D.Normal(z, -one, validate_args=False)
D.Distribution.set_default_validate_args(3)
D.Distribution(validate_args=False).mean
D.Distribution(validate_args=False).mode
D.Distribution(validate_args=False).sample()
D.Bernoulli()
D.Bernoulli(probs=0.5, logits=0.0)
D.Bernoulli(0.5).rsample()
D.Categorical()
D.Categorical(lib.tensor(0.5))
D.Categorical(logits=lib.tensor(0.5))
D.Categorical(lib.tensor([0.5, -0.5]))
D.Categorical(one).log_prob(lib.tensor(2))
D.OneHotCategorical(one).log_prob(one)
D.Uniform(1.0, 0.0)
D.Independent(D.Normal(z, one), 2)
D.Independent(D.Categorical(lib.ones(2, 3)), 1).enumerate_support()
D.MultivariateNormal(z)
D.MultivariateNormal(z, lib.eye(2), scale_tril=lib.eye(2))
D.MultivariateNormal(lib.tensor(0.0), lib.eye(2))
D.MultivariateNormal(z, one)
D.MultivariateNormal(z, precision_matrix=one)
D.MultivariateNormal(z, scale_tril=one)
D.MultivariateNormal(z, -lib.eye(2))
D.Binomial(2)
D.Binomial(lib.tensor([2.0, 3.0]), lib.tensor(0.5)).enumerate_support()
D.Binomial(lib.tensor([2.0, 3.0]), lib.tensor(0.5)).entropy()
D.Multinomial(2.5, one)
D.Dirichlet(lib.tensor(1.0))
D.Poisson(2.0).entropy()
D.Geometric(0.0)
D.Geometric(lib.tensor([0.0, 0.5]))
D.LogisticNormal(z, one).mean
D.MixtureSameFamily(3, D.Normal(z, one))
D.MixtureSameFamily(D.Categorical(one), 3)
D.MixtureSameFamily(D.Categorical(lib.ones(3)), D.Normal(z, one))
D.MixtureSameFamily(D.Categorical(lib.ones(3, 2)), D.Normal(lib.zeros(4, 2), 1.0))
D.LowRankMultivariateNormal(lib.tensor(0.0), lib.ones(2, 1), one)
D.LowRankMultivariateNormal(z, one, one)
D.LowRankMultivariateNormal(z, lib.ones(3, 1), one)
D.LowRankMultivariateNormal(z, lib.ones(2, 1), lib.ones(3))
D.LKJCholesky(1)
D.Wishart(lib.tensor(1.0), lib.eye(3))
D.Wishart(lib.tensor(5.0), one)
D.Wishart(lib.tensor(5.0))
D.Wishart(lib.tensor(1.5), lib.eye(2))
D.ContinuousBernoulli()
D.ContinuousBernoulli(1.5, validate_args=True)
D.TransformedDistribution(D.Normal(z, one), 3)
D.TransformedDistribution(D.Normal(z, one), [3])
D.TransformedDistribution(D.Normal(0.0, 1.0), [D.StickBreakingTransform()])
D.kl_divergence(D.Normal(z, one), 3)
D.kl_divergence(D.Independent(D.Normal(z, one), 1), D.Independent(D.Normal(z, one), 0))
D.Transform(3)
D.ExpTransform(1).with_cache(3)
D.ReshapeTransform((2, 3), (5,))
D.CorrCholeskyTransform().forward_shape((4,))
D.CorrCholeskyTransform().inverse_shape((3, 2))
D.constraints.independent(3, 1)
D.constraints.dependent.check(z)
D.biject_to(3)
D.biject_to.register(3, lambda c: None)
""".strip().split("\n")


@pytest.mark.parametrize("code", WRONG)
def test_errors(code: str) -> None:
    def program(lib: Any) -> Any:
        names = {"lib": lib, "D": lib.distributions, "z": lib.zeros(2), "one": lib.ones(2)}
        try:
            value = eval(code, names)
            return value if hasattr(value, "detach") else repr(value)
        except (NotImplementedError, ValueError) as error:  # the whole text, and some have none
            return type(error).__name__, str(error).replace("gradviz", "torch")

    both(program)


def test_a_subclass_with_its_own_constructor_must_expand_itself() -> None:
    def program(lib: Any) -> Any:
        class Mine(lib.distributions.Normal):  # type: ignore[misc, name-defined]
            def __init__(self, loc: Any) -> None:
                super().__init__(loc, 1.0)

        return Mine(0.0).expand((2,))

    both(program)


def test_the_names_are_torchs() -> None:
    import gradviz.distributions

    assert set(gradviz.distributions.__all__) == set(torch.distributions.__all__)
