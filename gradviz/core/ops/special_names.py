"""torch.special: names of its own for functions that torch has already."""

from __future__ import annotations

from typing import Any

from ..op import FUNCTIONS, function
from ..tensor import Tensor
from .elements.rounding import _round

# The name in torch.special, and the name in torch.
ALIASES = {
    "digamma": "digamma", "erf": "erf", "erfc": "erfc", "erfinv": "erfinv", "exp2": "exp2", "expit": "sigmoid",
    "expm1": "expm1", "gammainc": "igamma", "gammaincc": "igammac", "gammaln": "lgamma", "i0": "i0", "log1p": "log1p",
    "logit": "logit", "logsumexp": "logsumexp", "multigammaln": "mvlgamma", "polygamma": "polygamma", "psi": "digamma",
    "sinc": "sinc", "xlogy": "xlogy",
}  # fmt: skip
for _name, _of in ALIASES.items():
    function(name=_name, space="special")(FUNCTIONS[_of])


@function(name="round", space="special")
def _special_round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Every element rounded to `decimals` places, halves to even."""
    return _round.call(input, decimals=decimals)


@function(space="special")
def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The exponentials of the elements along `dim`, divided by their sum."""
    made: Tensor = FUNCTIONS["softmax"](input, dim, dtype=dtype)
    return made


@function(space="special")
def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The logarithm of `softmax`, computed stably."""
    made: Tensor = FUNCTIONS["log_softmax"](input, dim, dtype=dtype)
    return made
