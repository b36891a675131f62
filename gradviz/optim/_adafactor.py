"""Adafactor: mean squares kept as one row and one column per matrix, and steps in proportion to the parameters."""

from __future__ import annotations

from typing import Any

from gradviz.core.dtype import finfo, from_numpy
from gradviz.core.tensor import Tensor

from .options import check_rate
from .rule import Rule
from .update import Arithmetic


class Adafactor(Rule):
    """Divide the gradient g by the root of an estimate v of its mean square that needs little memory.

    For a matrix (or a stack of them) with n rows and m columns, and s = t^beta2_decay:

        R <- R + s * (mean of g^2 over columns - R)           C <- C + s * (mean of g^2 over rows - C)
        v = R C / mean(R)                                      for a vector v <- v + s * (g^2 - v)
        u = g / sqrt(max(v, eps1^2))
        p <- p - max(eps2, rms(p)) * min(lr, 1 / sqrt(t)) * u / max(1, rms(u) / d)

    `weight_decay` takes `lr * weight_decay * p` off p. Shazeer and Stern, 2018.
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adafactor.html

    Args:
        eps: (eps1, eps2); eps1 None is the smallest difference that the type of the parameter resolves
        d: the largest root mean square that an update may have
    """

    elementwise = False
    own_decay = True

    def __init__(
        self, params: Any, lr: Any = 1e-2, beta2_decay: float = -0.8, eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0, weight_decay: float = 0.0, *, foreach: bool | None = None, maximize: bool = False,
    ) -> None:  # fmt: skip
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _check_options(self, options: dict[str, Any]) -> None:
        check_rate(options["lr"])
        eps1, eps2 = options["eps"]
        for what, value, valid in (
            ("Learning rate should be >= 0", options["lr"], options["lr"] >= 0.0),
            ("beta2_decay should be <= 0", options["beta2_decay"], options["beta2_decay"] <= 0.0),
            ("epsilon1 should be >= 0", eps1, eps1 is None or eps1 >= 0.0),
            ("epsilon2 should be >= 0", eps2, eps2 >= 0.0),
            ("Clipping threshold d should be >= 1", options["d"], options["d"] >= 1.0),
            ("weight_decay should be >= 0", options["weight_decay"], options["weight_decay"] >= 0.0),
        ):
            if not valid:
                raise ValueError(f"{what} but is: {value}")

    def _check(self, param: Any) -> None:
        if param.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("row_var", "col_var", "variance")

    def _begin(self, param: Any, group: dict[str, Any], names: tuple[str, ...]) -> None:
        super()._begin(param, group, ())
        shape, xp = param.shape, param.device.xp
        shapes = {"variance": shape}
        if len(shape) > 1:
            shapes = {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}
        for name, own in shapes.items():
            self.state[param][name] = Tensor._of(xp.zeros(own, dtype=param._grad._array.dtype), param.device)

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        xp, t, (eps1, eps2) = F.xp, kept["step"], group["eps"]
        if eps1 is None:
            eps1 = finfo(from_numpy(F.dtype)).eps
        share = t ** group["beta2_decay"]
        rate = max(eps2, rms(xp, p)) * min(lr, 1 / t**0.5)
        if group["weight_decay"] != 0:
            F.scale(p, 1 - lr * group["weight_decay"])
        if g.ndim > 1:
            rows, columns = kept["row_var"], kept["col_var"]
            F.lerp(rows, xp.mean(g * g, axis=-1, keepdims=True), share)
            F.lerp(columns, xp.mean(g * g, axis=-2, keepdims=True), share)
            v = rows * columns / xp.maximum(xp.mean(rows, axis=-2, keepdims=True), eps1)
        else:
            v = kept["variance"]
            F.lerp(v, g * g, share)
        u = g * (1 / xp.sqrt(xp.maximum(v, eps1 * eps1)))
        F.add(p, u, -rate / max(1.0, rms(xp, u) / group["d"]))


def rms(xp: Any, x: Any) -> float:
    """The root of the mean square of all elements."""
    return float(xp.sqrt(xp.sum(x * x))) / float(x.size**0.5)
