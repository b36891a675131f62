"""What a step is made of: gradient, clipping, weight decay, running means, the step itself; with its formula.

The buffers are the optimiser's own (`optimizer.state`); what is derived from them (Adam's m-hat and v-hat) is worked
out here by the formula that is shown. frontend/src/optimizers.ts names the same terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Settings = dict[str, Any]
State = dict[str, list[float]]  # what the optimiser keeps: by name, one number for each parameter


class Term(NamedTuple):
    """One part of a step."""

    key: str
    symbol: str
    name: str
    arrow: str = ""  # "slope": drawn downhill, on the scale of the gradient; "step": drawn as it is


GRADIENT = Term("g", "g", "gradient", "slope")
CLIPPED = Term("c", "ĝ", "clipped gradient", "slope")
DECAY = Term("decay", "λθ", "weight decay", "slope")
SHRINK = Term("shrink", "−ηλθ", "weight decay, taken off directly", "step")
MEAN = Term("m", "m", "running mean of g")
SQUARE = Term("v", "v", "running mean of g²")
LARGEST = Term("vmax", "v⁺", "largest v so far")
MEAN_HAT = Term("mhat", "m̂", "m, bias taken out", "slope")
SQUARE_HAT = Term("vhat", "v̂", "v, bias taken out")
SCALED = Term("scaled", "g/√v", "gradient over its usual size")
CARRIED = Term("carry", "μb", "velocity carried over", "slope")
VELOCITY = Term("b", "b", "velocity")
STEP = Term("step", "Δθ", "the step taken", "step")

# How an option is written in a formula.
SYMBOLS: dict[str, Any] = {
    "lr": "η", "momentum": "μ", "dampening": "τ", "weight_decay": "λ", "betas": ("β₁", "β₂"), "eps": "ε", "alpha": "α",
    "rho": "ρ", "lr_decay": "κ", "momentum_decay": "ψ", "etas": ("η⁻", "η⁺"), "step_sizes": ("smallest", "largest"),
    "lambd": "λ₀", "t0": "t₀", "initial_accumulator_value": "s₀",
}  # fmt: skip


def has(settings: Sequence[Settings], name: str) -> bool:
    """True if the option is set for any parameter."""
    return any(one.get(name) for one in settings)


def parts(kind: str, settings: Sequence[Settings], clip: float | None, other: Sequence[str] = ()) -> list[Term]:
    """The terms of an optimiser's step, in the order in which they arise; `other` are buffers of an unknown one."""
    out = [GRADIENT, *([CLIPPED] if clip is not None else [])]
    if has(settings, "weight_decay"):
        out.append(SHRINK if decoupled(kind, settings) else DECAY)
    if kind == "SGD" and has(settings, "momentum"):
        out += [CARRIED, VELOCITY]
        if has(settings, "nesterov"):
            out.append(Term("n", "g + μb", "looking ahead along b"))
    elif kind in ("Adam", "AdamW", "NAdam", "RAdam"):
        out += [MEAN, SQUARE, *([LARGEST] if has(settings, "amsgrad") else []), MEAN_HAT, SQUARE_HAT]
    elif kind == "Adamax":
        out += [MEAN, Term("u", "u", "largest recent |g|"), MEAN_HAT]
    elif kind == "RMSprop":
        centred = [Term("mean", "ḡ", "running mean of g", "slope")] if has(settings, "centered") else []
        spare = [Term("b", "b", "velocity")] if has(settings, "momentum") else []
        out += [SQUARE, *centred, SCALED, *spare]
    elif kind == "Adagrad":
        out += [Term("s", "s", "sum of all g² so far"), Term("scaled", "g/√s", "gradient over the root of that sum")]
    elif kind == "Adadelta":
        out += [
            SQUARE,
            Term("u", "u", "running mean of squared steps"),
            Term("d", "d", "gradient in the size of steps"),
        ]
    elif kind == "Rprop":
        out += [Term("s", "s", "its own step size")]
    elif kind == "ASGD":
        out += [Term("ax", "θ̄", "average place so far"), Term("eta", "η(t)", "rate, falling")]
    out += [Term(f"state.{name}", name, "its state") for name in other]
    return [*out, STEP]


def decoupled(kind: str, settings: Sequence[Settings]) -> bool:
    """True where weight decay is taken off the parameters and does not pass through the gradient."""
    return has(settings, "decoupled_weight_decay")


def formulas(kind: str, settings: Sequence[Settings], clip: float | None) -> list[str]:
    """The rule, line by line, in the symbols of the terms."""
    out = ["ĝ = g · min(1, max_norm / ‖g‖)     and ĝ in place of g below"] if clip is not None else []
    if has(settings, "weight_decay"):
        out.append("θ ← θ − ηλθ" if decoupled(kind, settings) else "g ← g + λθ")
    if has(settings, "maximize"):
        out.insert(len(out) - bool(has(settings, "weight_decay")), "g ← −g     (maximize)")
    momentum = has(settings, "momentum")
    if kind == "SGD":
        if momentum:
            out.append("b ← μb + (1 − τ)g     the first time b ← g" if has(settings, "dampening") else "b ← μb + g")
        step = "(g + μb)" if has(settings, "nesterov") else "b" if momentum else "g"
        out.append(f"θ ← θ − η{step}")
    elif kind in ("Adam", "AdamW"):
        most = "     v⁺ ← max(v⁺, v)" if has(settings, "amsgrad") else ""
        root = "v⁺" if most else "v"
        out += [
            f"m ← β₁m + (1 − β₁)g     v ← β₂v + (1 − β₂)g²{most}",
            f"m̂ = m/(1 − β₁ᵗ)     v̂ = {root}/(1 − β₂ᵗ)",
            "θ ← θ − η m̂/(√v̂ + ε)",
        ]
    elif kind == "NAdam":
        out += [
            "m ← β₁m + (1 − β₁)g     v ← β₂v + (1 − β₂)g²     v̂ = v/(1 − β₂ᵗ)",
            "μₜ = β₁(1 − ½·0.96^(tψ))     Mₜ = μ₁μ₂…μₜ",
            "θ ← θ − η [(1 − μₜ)g/(1 − Mₜ) + μₜ₊₁m/(1 − Mₜ₊₁)] / (√v̂ + ε)",
        ]
    elif kind == "RAdam":
        out += [
            "m ← β₁m + (1 − β₁)g     v ← β₂v + (1 − β₂)g²     m̂ = m/(1 − β₁ᵗ)",
            "r∞ = 2/(1 − β₂) − 1     r = r∞ − 2tβ₂ᵗ/(1 − β₂ᵗ)     R = √[(r−4)(r−2)r∞ / ((r∞−4)(r∞−2)r)]",
            "θ ← θ − η m̂     and once r > 5:     θ ← θ − ηR m̂·√(1 − β₂ᵗ)/(√v + ε)",
        ]
    elif kind == "Adamax":
        out += ["m ← β₁m + (1 − β₁)g     u ← max(β₂u, |g| + ε)     m̂ = m/(1 − β₁ᵗ)", "θ ← θ − η m̂/u"]
    elif kind == "RMSprop":
        mean = "     ḡ ← αḡ + (1 − α)g" if has(settings, "centered") else ""
        root = "√(v − ḡ²)" if mean else "√v"
        out.append(f"v ← αv + (1 − α)g²{mean}")
        out += [f"b ← μb + g/({root} + ε)", "θ ← θ − ηb"] if momentum else [f"θ ← θ − η g/({root} + ε)"]
    elif kind == "Adagrad":
        rate = "η/(1 + (t − 1)κ)" if has(settings, "lr_decay") else "η"
        out += ["s ← s + g²", f"θ ← θ − {rate} · g/(√s + ε)"]
    elif kind == "Adadelta":
        out += ["v ← ρv + (1 − ρ)g²     d = g·√(u + ε)/√(v + ε)     u ← ρu + (1 − ρ)d²", "θ ← θ − ηd"]
    elif kind == "Rprop":
        out += ["s ← η⁺s where g keeps its sign, η⁻s where it turned (and then g ← 0)", "θ ← θ − sign(g)·s"]
    elif kind == "ASGD":
        out += ["θ ← (1 − λ₀η(t))θ − η(t)g     η(t) = η/(1 + λ₀ηt)^α", "θ̄ ← the average of θ from step t₀ on"]
    return out


def constants(settings: Sequence[Settings], clip: float | None) -> list[tuple[str, str, int]]:
    """(symbol, option, which of its numbers; -1 if it is one number) for each option that is a number and not 0."""
    out: list[tuple[str, str, int]] = []
    for key, symbol in SYMBOLS.items():
        if not has(settings, key):
            continue
        if isinstance(symbol, tuple):
            out += [(one, key, i) for i, one in enumerate(symbol)]
        else:
            out.append((symbol, key, -1))
    return out


def terms(
    kind: str,
    settings: Sequence[Settings],
    place: Sequence[float],
    gradient: Sequence[float],
    clipped: Sequence[float] | None,
    before: State,
    state: State,
    moved: Sequence[float],
) -> dict[str, list[float]]:
    """The numbers of one step: for each term, one for each parameter. `before` and `state` are what the optimiser
    kept before and after the step.
    """
    out = {"g": list(gradient)}
    if clipped is not None:
        out["c"] = list(clipped)
    if not kind:
        return {**out, **{f"state.{name}": values for name, values in state.items()}, "step": list(moved)}
    each = range(len(place))
    used = list(gradient if clipped is None else clipped)
    decay = [settings[i].get("weight_decay") or 0.0 for i in each]
    if any(decay):
        if decoupled(kind, settings):
            out["shrink"] = [-settings[i].get("lr", 0.0) * decay[i] * place[i] for i in each]
        else:
            out["decay"] = [decay[i] * place[i] for i in each]
    sign = [-1.0 if one.get("maximize") else 1.0 for one in settings]
    used = [sign[i] * used[i] + (0.0 if "decay" not in out else out["decay"][i]) for i in each]
    if kind == "SGD" and has(settings, "momentum"):
        old = before.get("momentum_buffer", [0.0] * len(place))
        out["carry"] = [(settings[i].get("momentum") or 0.0) * old[i] for i in each]
    derive = DERIVED.get(kind)
    if derive:
        rows = [  # a parameter that no gradient reaches is left alone, and has no options here
            derive(settings[i], used[i], {name: values[i] for name, values in state.items()}) if settings[i] else {}
            for i in each
        ]
        for name in dict.fromkeys(key for row in rows for key in row):
            out[name] = [row.get(name, 0.0) for row in rows]
    return {**out, "step": list(moved)}


def root(value: float) -> float:
    """A square root that is NaN below 0, as NumPy's is."""
    return math.sqrt(value) if value >= 0 else math.nan


def ratio(a: float, b: float) -> float:
    """A quotient that is NaN or infinite where b is 0, as NumPy's is."""
    return a / b if b else math.nan if not a or math.isnan(a) else math.copysign(math.inf, a)


def _sgd(s: Settings, g: float, kept: dict[str, float]) -> dict[str, float]:
    if not s.get("momentum"):
        return {}
    b = kept["momentum_buffer"]
    return {"b": b, **({"n": g + s["momentum"] * b} if s.get("nesterov") else {})}


def _adam(s: Settings, g: float, kept: dict[str, float]) -> dict[str, float]:
    (beta1, beta2), t, m, v = s["betas"], kept["step"], kept["exp_avg"], kept["exp_avg_sq"]
    most = kept["max_exp_avg_sq"] if s.get("amsgrad") else v
    extra = {"vmax": most} if s.get("amsgrad") else {}
    return {"m": m, "v": v, **extra, "mhat": m / (1 - beta1**t), "vhat": most / (1 - beta2**t)}


def _adamax(s: Settings, g: float, kept: dict[str, float]) -> dict[str, float]:
    m = kept["exp_avg"]
    return {"m": m, "u": kept["exp_inf"], "mhat": m / (1 - s["betas"][0] ** kept["step"])}


def _rmsprop(s: Settings, g: float, kept: dict[str, float]) -> dict[str, float]:
    v = spread = kept["square_avg"]
    out = {"v": v}
    if s.get("centered"):
        out["mean"] = kept["grad_avg"]
        spread = v - kept["grad_avg"] ** 2
    out["scaled"] = ratio(g, root(spread) + s["eps"])
    return {**out, **({"b": kept["momentum_buffer"]} if s.get("momentum") else {})}


def _adagrad(s: Settings, g: float, kept: dict[str, float]) -> dict[str, float]:
    return {"s": kept["sum"], "scaled": ratio(g, root(kept["sum"]) + s["eps"])}


def _adadelta(s: Settings, g: float, kept: dict[str, float]) -> dict[str, float]:
    v, u, rho = kept["square_avg"], kept["acc_delta"], s["rho"]
    # u already holds d: u = rho * old + (1 - rho) * d^2 with d = g * sqrt(old + eps) / sqrt(v + eps)
    share = (1 - rho) * g * g / (v + s["eps"])
    old = (u - share * s["eps"]) / (rho + share) if rho + share else 0.0
    return {"v": v, "u": u, "d": ratio(g * root(max(old, 0.0) + s["eps"]), root(v + s["eps"]))}


def _rprop(s: Settings, g: float, kept: dict[str, float]) -> dict[str, float]:
    return {"s": kept["step_size"]}


def _asgd(s: Settings, g: float, kept: dict[str, float]) -> dict[str, float]:
    return {"ax": kept["ax"], "eta": kept["eta"]}


DERIVED: dict[str, Callable[[Settings, float, dict[str, float]], dict[str, float]]] = {
    "SGD": _sgd, "Adam": _adam, "AdamW": _adam, "NAdam": _adam, "RAdam": _adam, "Adamax": _adamax, "RMSprop": _rmsprop,
    "Adagrad": _adagrad, "Adadelta": _adadelta, "Rprop": _rprop, "ASGD": _asgd,
}  # fmt: skip


# -- the state of any optimiser ------------------------------------------------------------------------------------
HIDDEN = {"params", "param_groups", "parameters", "defaults", "state"}


def state_of(stepper: Any, leaves: list[Any]) -> State:
    """Every buffer with one number for each parameter: in `optimizer.state`, or in lists and dicts of its own."""
    out: State = {}
    state: Any = getattr(stepper, "state", None)
    per = [state[leaf] if hasattr(state, "get") and leaf in state else {} for leaf in leaves]
    for name in dict.fromkeys(key for one in per if isinstance(one, dict) for key in one):
        found = [one_number(one.get(name)) for one in per]
        numbers = [value for value in found if value is not None]
        if numbers and all(leaf.grad is None for leaf, value in zip(leaves, found, strict=True) if value is None):
            out[str(name)] = [value or 0.0 for value in found]
        elif not numbers:
            row = row_of(per[0].get(name), len(leaves))  # LBFGS keeps all parameters in one row, with the first
            if row:
                out[str(name)] = row
    for name, value in vars(stepper).items() if hasattr(stepper, "__dict__") else ():
        if name in HIDDEN or name.startswith("_"):
            continue
        rows = [value.get(leaf) for leaf in leaves] if isinstance(value, dict) else value
        if (
            isinstance(rows, list | tuple)
            and len(rows) == len(leaves)
            and not any(a is b for a in rows for b in leaves)
        ):
            found = [one_number(one) for one in rows]
            if all(one is not None for one in found):
                out[name] = [float(one) for one in found if one is not None]
    return out


def one_number(value: Any) -> float | None:
    """A number, or a tensor or array of one; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value.item()) if math.prod(value.shape) == 1 else None
    except (AttributeError, TypeError, ValueError):
        return None


def row_of(value: Any, count: int) -> list[float] | None:
    """The numbers of a tensor that has one for each parameter."""
    try:
        return [float(one) for one in value.reshape(-1).tolist()] if tuple(value.shape) == (count,) else None
    except (AttributeError, TypeError, ValueError):
        return None
