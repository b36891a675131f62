"""What a learner reads of shapes, indices and layers: the second half of spoken.py, in the same form."""

from __future__ import annotations

AT = "zeros like {}, with g at [index]"
ADDED = "zeros like {}, with g added at [index]"
SHAPES: dict[str, tuple[str, ...]] = {
    "view": ("x in another shape", "g in the shape of x"),
    "unsafe_view": ("x in another shape", "g in the shape of x"),
    "reshape_alias": ("x in another shape", "g in the shape of x"),
    "squeeze": ("x without sizes of 1", "g in the shape of x"),
    "squeeze_dims": ("x without sizes of 1", "g in the shape of x"),
    "unsqueeze": ("x with a size of 1", "g in the shape of x"),
    "view_dtype": ("the bytes of x as another type",),
    "permute": ("x, dimensions reordered", "g, dimensions put back"),
    "transpose": ("x, two dimensions swapped", "g, swapped back"),
    "frames_last": ("x, two dimensions swapped", "g, swapped back"),
    "t": ("x.T", "g.T"),
    "expand": ("x repeated", "g, repeats added up"),
    "repeat": ("x repeated", "g, repeats added up"),
    "alias": ("x", "g"),
    "clone": ("a copy of x", "g"),
    "cast": ("x as another type", "g"),
    "cast_integer": ("x as another type",),
    "to_device": ("x on another device", "g, brought back"),
    "flip": ("x, order reversed", "g, order reversed"),
    "roll": ("x, moved round", "g, moved back"),
    "rot90": ("x, turned by 90 degrees", "g, turned back"),
    "tril": ("x on and below the diagonal, else 0", "g on and below the diagonal, else 0"),
    "triu": ("x on and above the diagonal, else 0", "g on and above the diagonal, else 0"),
    "diagonal": ("the diagonal of x", "g on the diagonal, else 0"),
    "diagonal_copy": ("the diagonal of x", "g on the diagonal, else 0"),
    "diagonal_backward": ("x on the diagonal, else 0", "the diagonal of g"),
    "diagonal_scatter": ("x with src on its diagonal", "g, 0 on the diagonal", "the diagonal of g"),
    "select": ("x[index] of dimension dim", AT.format("x")),
    "slice": ("x[start:stop] of dimension dim", "zeros like x, with g at [start:stop]"),
    "narrow_copy": ("x[start:start + length]", "zeros like x, with g at that part"),
    "select_scatter": ("x with src at [index]", "g, 0 at [index]", "g[index]"),
    "slice_scatter": ("x with src at [start:stop]", "g, 0 at [start:stop]", "g[start:stop]"),
    "unfold_dim": ("windows of x", "each window of g added back"),
    "as_strided": ("x, its memory seen in other steps", "g added up where each number lies"),
    "restride": ("x, in the order of other steps", "g, in the order of the first"),
    "as_strided_scatter": ("x with src where those steps lead", "g, 0 where they lead", "g where they lead"),
    "constant_pad_nd": ("x with a border", "g without the border"),
    "cat": ("tensors joined", "this tensor's part of g"),
    "stack": ("tensors stacked", "this tensor's part of g"),
    "block_diag": ("tensors along the diagonal, else 0", "this tensor's block of g"),
    **dict.fromkeys(
        ("unbind", "split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes"),
        ("x in parts", "the parts of g joined"),
    ),
}  # fmt: skip

INDICES: dict[str, tuple[str, ...]] = {
    "index": ("x[index]", ADDED.format("x")),
    "pick": ("x[index]", AT.format("x")),
    "embed": ("zeros, with x at [index]", "g[index]"),
    "blank": ("zeros",),
    "index_add_zeros": ("zeros, with x added at [index]", "g[index]"),
    "index_select": ("the rows of x that index names", "g added to those rows, else 0"),
    "index_select_scalar": ("x", "g"),
    "take": ("the numbers of x that index names", "g added to those numbers, else 0"),
    "masked_select": ("x where mask", "g put back where mask, else 0"),
    "index_add": ("x with source added at [index]", "g", "alpha * g[index]"),
    "index_copy": ("x with source at [index]", "g, 0 at [index]", "g[index]"),
    "index_fill": ("x with value at [index]", "g, 0 at [index]", "the sum of g[index]"),
    "index_put": ("x with values at [index]", "g, 0 at [index]", "g[index]"),
    "index_put_add": ("x with values added at [index]", "g", "g[index]"),
    "index_put_values": ("x with value at [index]", "g, 0 at [index]", "g[index]"),
    "index_zero": ("x, 0 at [index]", "g, 0 at [index]"),
    "put": ("x with source at the numbers of index", "g, 0 there", "g at those numbers"),
    "put_add": ("x with source added at the numbers of index", "g", "g at those numbers"),
    "masked_fill": ("value where mask, else x", "0 where mask, else g", "", "the sum of g where mask"),
    "masked_scatter": ("source where mask, else x", "0 where mask, else g", "", "g where mask"),
    "masked_list": ("x where mask", "g put back where mask, else 0"),
    "masked_unlist": ("x put where mask, else 0", "g where mask"),
    "filled": ("value everywhere", "0: x is gone", "the sum of g"),
    "fill": ("value everywhere", "0: x is gone", "the sum of g"),
    "copy": ("src, in place of x", "0: x is gone", "g"),
    "zero": ("0 everywhere", "0: x is gone"),
    "copy_slices": ("x with value at a part", "g, 0 at that part", "g at that part"),
    "zero_slices": ("x, 0 at a part", "g, 0 at that part"),
    "as_strided_view": ("a part of x, seen anew", "zeros like x, with g at that part"),
    "unseen": ("zeros, with x at a part", "g at that part"),
    "gather": ("x at index", "zeros like x, with g added at index"),
    "scatter_zeros": ("zeros, with x added at index", "g at index"),
    "pick_grid": ("x at index", "zeros like x, with g added at index"),
    "grid_zeros": ("zeros, with x added at index", "g at index"),
    "scatter": ("x with src at index", "g, 0 at index", "g at index"),
    "scatter_add": ("x with src added at index", "g", "g at index"),
    "reduce_at_sum": ("x with src added at index", "g", "g at index"),
    "reduce_at_mean": ("means of x and src at index", "g / how many met", "g at index / how many met"),
    "reduce_at_prod": ("x times src at index", "g * out / x", "g * out / src at index"),
    "reduce_at_amax": ("the largest of x and src at index", "g where x is largest", "g where src is largest"),
    "reduce_at_amin": ("the smallest of x and src at index", "g where x is smallest", "g where src is smallest"),
    "scatter_with": ("x and src combined at index", "not defined", "not defined"),
    "embedding": ("weight[index]", ADDED.format("weight")),
    "padded_embedding": ("weight[index]", ADDED.format("weight") + ", no padding"),
    "embedding_bag": ("sums of weight[index]", "g added to each row of its bag", "g @ weight[index]"),
    "embedding_bag_max": ("the largest of weight[index]", "g at each largest, else 0", "g"),
    "pack_padded_sequence": ("the steps of x, without padding", "g at each step, 0 at the padding"),
}  # fmt: skip

ACTIVATIONS: dict[str, tuple[str, ...]] = {
    "relu": ("max(x, 0)", "g where x > 0, else 0"),
    "leaky_relu": ("x where x > 0, else x * negative_slope", "g where x > 0, else g * negative_slope"),
    "hardtanh": ("clamp(x, min_val, max_val)", "g where min_val < x < max_val, else 0"),
    "hardsigmoid": ("clamp(x / 6 + 1 / 2, 0, 1)", "g / 6 where -3 < x < 3, else 0"),
    "hardswish": ("x * clamp(x / 6 + 1 / 2, 0, 1)", "g * (x / 3 + 1 / 2) where -3 < x < 3, 0 below, g above"),
    "hardshrink": ("x where |x| > lambd, else 0", "g where |x| > lambd, else 0"),
    "softshrink": ("x, lambd nearer to 0", "g where |x| > lambd, else 0"),
    "threshold": ("x where x > threshold, else value", "g where x > threshold, else 0"),
    "prelu": ("x where x > 0, else w * x", "g where x > 0, else g * w", "0 where x > 0, else g * x"),
    "silu": ("x * sigmoid(x)", "g * s * (1 + x * (1 - s)), s = sigmoid(x)"),
    "softplus": ("log(1 + exp(beta * x)) / beta", "g * sigmoid(beta * x)"),
    "logsigmoid": ("log(sigmoid(x))", "g * sigmoid(-x)"),
    "mish": ("x * t, t = tanh(softplus(x))", "g * (t + x * (1 - t * t) * sigmoid(x))"),
    "gelu": ("x * ndtr(x)", "g * (ndtr(x) + x * exp(-x * x / 2) / sqrt(2 * pi))"),
    "elu": ("x where x > 0, else alpha * (exp(x) - 1)", "g where x > 0, else g * alpha * exp(x)"),
    "celu": ("x where x > 0, else alpha * (exp(x / alpha) - 1)", "g where x > 0, else g * exp(x / alpha)"),
    "glu": ("p * sigmoid(q), the halves of x", "g * sigmoid(q) and g * p * sigmoid(q) * (1 - sigmoid(q))"),
    "rrelu": ("x where x > 0, else noise * x", "g where x > 0, else g * noise"),
    "softmax": ("softmax(x)", "out * (g - sum(g * out))"),
    "safe_softmax": ("softmax(x), 0 where all is masked", "out * (g - sum(g * out))"),
    "log_softmax": ("log(softmax(x))", "g - softmax(x) * sum(g)"),
    "attention_weights": ("softmax(scale * q @ k.T)", "not defined", "not defined"),
    "attention": ("w @ v, w = softmax(scale * q @ k.T)", "s @ k, s = scale * w * (g @ v.T - sum(g * out))",
                  "s.T @ q, s = scale * w * (g @ v.T - sum(g * out))", "w.T @ g"),
}  # fmt: skip
ACTIVATIONS |= {f"{name}_over": ACTIVATIONS[name] for name in ("elu", "celu", "leaky_relu", "rrelu", "threshold")}

NORMED = "w * (x - mean) / std + b"
NORM_RULES = ("(g * w - its mean and its part along the normed x) / std", "sum of g * (x - mean) / std", "sum of g")
DRAWN = "0: what is drawn has no slope"
LOSSES: dict[str, tuple[str, ...]] = {
    "nll_loss": ("-mean(x[target])", "-g / n at each target, else 0"),
    "nll_loss2d": ("-mean(x[target])", "-g / n at each target, else 0"),
    "nll_loss_input": ("-y / n at each target, else 0", "-mean(g[target])"),
    "mse_loss": ("mean((x - target) ** 2)", "g * 2 * (x - target) / n", "-g * 2 * (x - target) / n"),
    "smooth_l1_loss": ("mean of |d| - beta / 2, near 0 of d ** 2 / (2 * beta), d = x - target",
                       "g * clamp((x - target) / beta, -1, 1) / n", "-g * clamp((x - target) / beta, -1, 1) / n"),
    "huber_loss": ("mean of delta * (|d| - delta / 2), near 0 of d ** 2 / 2, d = x - target",
                   "g * clamp(x - target, -delta, delta) / n", "-g * clamp(x - target, -delta, delta) / n"),
    "binary_cross_entropy": ("-mean(target * log(x) + (1 - target) * log(1 - x))",
                             "g * (x - target) / (x * (1 - x)) / n", "g * (log(1 - x) - log(x)) / n"),
    "binary_cross_entropy_with_logits": ("-mean(target * log(s) + (1 - target) * log(1 - s)), s = sigmoid(x)",
                                         "g * (sigmoid(x) - target) / n", "-g * x / n"),
    "soft_margin_loss": ("mean(log(1 + exp(-target * x)))", "-g * target * sigmoid(-target * x) / n"),
    "multi_margin_loss": ("mean(max(0, margin - x[target] + x) ** p)",
                          "g / n at each score above x[target] - margin, minus their number at target"),
    "multilabel_margin_loss": ("mean(max(0, 1 - x[target] + x))",
                               "g / n at each score above x[target] - 1, minus their number at target"),
    "ctc_loss": ("-log of the sum over all alignments of exp(x)", "-g * how likely each step shows each label"),
    "ctc_loss_input": ("-y * how likely each step shows each label", "not defined", "not defined"),
    "x_hat": ("(x - mean) / std", "(g - its mean and its part along out) / std"),
    "x_hat_input": ("(y - its mean and its part along x) / std", "(g - its mean and its part along x) / std",
                    "how that changes with x"),
    "native_batch_norm": (NORMED, *NORM_RULES),
    "native_layer_norm": (NORMED, *NORM_RULES),
    "native_group_norm": (NORMED, *NORM_RULES),
    **dict.fromkeys(
        ("bernoulli", "normal_mean", "normal_std", "poisson", "bernoulli_number"), ("numbers drawn, x says how", DRAWN)
    ),
    "_standard_gamma": ("numbers drawn from the gamma distribution of shape x", "g * how each would move with x"),
    "_standard_gamma_grad": ("how y, drawn from a gamma distribution of shape x, moves with x", *["not defined"] * 2),
    "_sample_dirichlet": ("shares drawn with weights x", "g * how each would move with x"),
    "normal_mean_std": ("normal numbers, mean x and spread y", DRAWN, DRAWN),
    "binomial": ("hits among x tries, each with chance y", DRAWN, DRAWN),
    "bernoulli_by": ("1 with chance p, else 0", DRAWN, DRAWN),
}  # fmt: skip

WINDOWS: dict[str, tuple[str, ...]] = {
    "conv_tbc": ("x * w over time, + bias", "g spread back through w", "x correlated with g", "g summed over places"),
    "im2col": ("each window as a column", "columns of g added up where they came from"),
    "col2im": ("columns added up where they came from", "each window of g as a column"),
    "pixel_shuffle": ("channels as pixels", "pixels of g as channels"),
    "pixel_unshuffle": ("pixels as channels", "channels of g as pixels"),
    "channel_shuffle": ("x, channels dealt out anew", "g, channels put back"),
    "max_unpool2d": ("x at the indices, else 0", "g at the indices"),
    "max_unpool3d": ("x at the indices, else 0", "g at the indices"),
    "affine_grid_generator": ("theta @ (place, 1)", "g.T @ (place, 1)"),
    "affine_grid_back": ("y.T @ (place, 1)", "g @ (place, 1)"),
}
for _n in (1, 2, 3):
    WINDOWS |= {
        f"conv{_n}d": (f"conv{_n}d(x, w) + bias", "g spread back through w", "x correlated with g",
                       "g summed over places"),
        f"conv{_n}d_input": ("y spread back through w", f"conv{_n}d(g, w)", "g correlated with y"),
        f"conv{_n}d_weight": ("x correlated with y", f"conv{_n}d(x, g)", "y spread back through g"),
        f"conv_transpose{_n}d": ("x spread through w, + bias", f"conv{_n}d(g, w)", "g correlated with x",
                                 "g summed over places"),
        f"reflection_pad{_n}d": ("x, mirrored at its edges", "g, the mirrored part added back"),
        f"reflection_pad{_n}d_back": ("y, the mirrored part added back", "g, mirrored at its edges"),
        f"replication_pad{_n}d": ("x, its edges repeated", "g, the repeats added to the edge"),
        f"replication_pad{_n}d_back": ("y, the repeats added to the edge", "g, its edges repeated"),
    }  # fmt: skip
MEANS = (
    ("mean of each window", "g / window size at each place"),
    ("y / window size at each place", "mean of each window of g"),
)
for _n in (2, 3):
    WINDOWS |= {
        f"grid_sampler_{_n}d": ("x read at the places of grid", "g added where it was read",
                                "g * the slope of x at each place"),
        f"grid_sampler_{_n}d_back": ("y added at the places of grid", "g read at the places of grid",
                                     "y * the slope of g at each place"),
        f"avg_pool{_n}d": MEANS[0], f"avg_pool{_n}d_input": MEANS[1],
        f"adaptive_avg_pool{_n}d": MEANS[0], f"adaptive_avg_pool{_n}d_back": MEANS[1],
    }  # fmt: skip
    for _kind in ("", "adaptive_", "fractional_"):
        WINDOWS |= {
            f"{_kind}max_pool{_n}d": ("max of each window", "g at each window's maximum, else 0"),
            f"{_kind}max_pool{_n}d_scatter": ("y at each window's maximum, else 0", "g at each window's maximum"),
            f"{_kind}max_pool{_n}d_gather": ("x at each window's maximum", "g at each window's maximum, else 0"),
        }
RESIZED = {
    "the nearest of {} at each place": [f"nearest{exact}{d}d" for exact in ("", "_exact") for d in (1, 2, 3)],
    "{} between its places, on a line": ["linear1d", "bilinear2d", "trilinear3d", "bilinear2d_aa"],
    "{} between its places, on a curve": ["bicubic2d", "bicubic2d_aa", "lanczos2d_aa"],
}
for _text, _ways in RESIZED.items():
    for _way in _ways:
        WINDOWS[f"upsample_{_way}"] = (_text.format("x"), "g added to the places that were read")
        WINDOWS[f"upsample_{_way}_back"] = ("y added to the places that were read", _text.format("g"))
