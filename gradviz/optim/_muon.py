"""Muon: momentum whose directions are all made equally long."""

from __future__ import annotations

import math
from typing import Any

from gradviz.core.dtype import bfloat16, float32

from .options import check_rate
from .rule import Rule
from .update import Arithmetic

# how far the rate is stretched for a matrix of this many rows and columns
STRETCH = {
    "original": lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "match_rms_adamw": lambda rows, columns: 0.2 * math.sqrt(max(rows, columns)),
}


class Muon(Rule):
    """For matrices only: follow a running mean b of the gradient g, made orthogonal, so that no direction is favoured:

        b <- b + (1 - momentum) * (g - b)              with nesterov: u = g + momentum * (b - g), otherwise u = b
        p <- p - lr * weight_decay * p - lr * stretch * orthogonal(u)

    `orthogonal` is `ns_steps` rounds of X <- a X + (b M + c M^2) X with M = X X^T (Newton-Schulz), in bfloat16.
    Jordan et al., 2024. https://docs.pytorch.org/docs/2.13/generated/torch.optim.Muon.html

    Args:
        ns_coefficients: (a, b, c)
        eps: the least norm that a matrix is divided by
        adjust_lr_fn: "original", the default, stretches by sqrt(max(1, rows / columns)); "match_rms_adamw" by
            0.2 sqrt(max(rows, columns)), as large as AdamW's steps
    """

    numbers = ()
    elementwise = False
    own_decay = True

    def __init__(
        self, params: Any, lr: Any = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315), eps: float = 1e-7, ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                if param.ndim != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {param.shape}"
                    )

    def _check_options(self, options: dict[str, Any]) -> None:
        check_rate(options["lr"])
        for what, name in (("Learning rate", "lr"), ("momentum", "momentum"), ("weight decay", "weight_decay")):
            if not options[name] >= 0.0:
                raise ValueError(f"{what} should be >= 0 but is: {options[name]}")
        if options["adjust_lr_fn"] not in (None, *STRETCH):
            raise ValueError(f"Adjust learning rate function {options['adjust_lr_fn']} is not supported")

    def _check(self, param: Any) -> None:
        if param.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        if param.ndim != 2:
            raise ValueError("Param gradient must be a 2D matrix")

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",)

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        b, momentum = kept["momentum_buffer"], group["momentum"]
        F.lerp(b, g, 1 - momentum)
        u = b
        if group["nesterov"]:
            u = F.xp.array(g)
            F.lerp(u, b, momentum)
        stretch = STRETCH[group["adjust_lr_fn"] or "original"](*p.shape)
        F.scale(p, 1 - lr * group["weight_decay"])
        F.add(p, orthogonal(F.xp, u, group["ns_coefficients"], group["ns_steps"], group["eps"]), -lr * stretch)


def orthogonal(xp: Any, x: Any, coefficients: tuple[float, float, float], steps: int, eps: float) -> Any:
    """Nearly the orthogonal matrix nearest to x, by Newton-Schulz; rounded to bfloat16 after every product."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    x = rounded(x.T if tall else x)
    x = rounded(x / xp.maximum(rounded(xp.sqrt(xp.sum(x * x))), rounded(xp.asarray(eps))))
    for _ in range(steps):
        m = rounded(x @ x.T)
        x = rounded(a * x + rounded(b * m + c * (m @ m)) @ x)
    return x.T if tall else x


def rounded(x: Any) -> Any:
    """Rounded to bfloat16, as float32: that is how processors multiply such matrices."""
    return x.astype(bfloat16.numpy).astype(float32.numpy)
