"""Dropout: the same masks from the same seeds, in all kinds, and nothing where nothing is to be dropped."""

from __future__ import annotations

from ..same import F16, F64, floats, ints, sample

# Each kind with an input that it takes without a warning.
KINDS = {
    "dropout": (3, 4), "dropout1d": (2, 3, 4), "dropout2d": (2, 3, 4, 2), "dropout3d": (2, 3, 2, 2, 2),
    "alpha_dropout": (3, 4), "feature_alpha_dropout": (2, 3, 4),
}  # fmt: skip
QUIET = "import warnings; warnings.simplefilter('ignore')\n"
SEED = f"{QUIET}torch.manual_seed(0)\n"
TABLE = [
    *(
        sample(f"{SEED}F.{name}(x, {options})", x=shape)
        for name, shape in KINDS.items()
        for options in ("training=True", "0.3, True", "0.0, True", "1.0, True", "0.5, False")
    ),
    *(sample(f"{SEED}y = x * 1\nF.{name}(y, 0.4, True, True)\ny", x=shape) for name, shape in KINDS.items()),
    *(
        sample(f"{SEED}y = x * 1\ntorch.{name}{over}(y, 0.4, {train})\ny + torch.{name}(x, 0.4, True)", x=(2, 3, 2))
        for name in ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
        for over in ("", "_")
        for train in (True, False)
    ),
    # without a batch dimension
    sample(f"{SEED}F.dropout1d(x)", x=(3, 4)),
    sample(f"{SEED}F.dropout3d(x)", x=(3, 2, 2, 2)),
    sample(f"{SEED}F.dropout2d(x)", x=(3, 4, 2)),
    sample(f"{SEED}y = x * 1\nF.dropout1d(y, 0.5, True, True)", x=(3, 4)),
    sample(f"{SEED}F.dropout2d(x)", x=(3, 4)),
    # types, and memory in another order
    sample(f"{SEED}F.dropout(x)", x=floats(3, 4, dtype=F64)),
    sample(f"{SEED}F.dropout(x)", x=floats(3, 4, dtype=F16), order=1),
    sample(f"{SEED}F.dropout(x), F.alpha_dropout(x, 0.3, True)", x=floats(3, 4, layout="F")),
    sample(f"{SEED}F.dropout(x.permute(2, 0, 1))", x=(3, 4, 2)),
    sample(f"{SEED}F.dropout(x)", x=(0, 3)),
    sample(f"{SEED}F.dropout(x)", x=()),
    # what is refused
    sample("F.dropout(x, 1.5)", x=(3,)),
    sample("F.alpha_dropout(x, -0.5)", x=(3,)),
    sample("torch.dropout(x, 1.5, True)", x=(3,)),
    sample("F.dropout1d(x)", x=(3,)),
    sample("F.dropout2d(x)", x=(3,)),
    sample("F.feature_alpha_dropout(x, training=True)", x=(3,)),
    sample("F.dropout(x)", x=ints(3)),
    sample("F.dropout(x, inplace=True)", x=(3,)),
]  # fmt: skip
