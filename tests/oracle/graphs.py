"""Snippets whose graphs are compared with PyTorch's: writes in place, through views and into bases; further families.

The everyday ones are in test_graph_names.py.
"""

from __future__ import annotations

# ruff: noqa: E501  (a graph is a row)
from .same import bools, const, floats, given, ints, positive, sample

X = (3, 4)


def written(code: str, show: str = "b", **inputs: object) -> object:
    """`b` starts as a computed copy of the leaf x; the graph of `show` afterwards."""
    return sample(f"b = x * 1\n{code}\n{show}", x=X, **inputs)


# fmt: off
WRITTEN = [
    # the whole tensor
    written("b.mul_(2)"), written("b.mul_(w)", w=(4,)), written("b.sub_(1).div_(w)", w=(4,)), written("b.exp_()"), written("b.pow_(2)"),
    written("b.zero_()"), written("b.fill_(2)"), written("b.fill_(s)", s=()), written("b.copy_(c)", c=const(*X)), written("b.copy_(w)", w=(4,)),
    written("b.uniform_()"), written("b.normal_()"), written("b.bernoulli_()"), written("b.eq_(1)"), written("b.clamp_(0, 1)"), written("b.relu_()"),
    written("b.masked_fill_(b > 0, 0.)"), written("b.t_()"), written("b.unsqueeze_(0)"), written("b.squeeze_()"), written("b.transpose_(0, 1)"),
    written("b.addcmul_(w, w)", w=(4,)), written("b.lerp_(c, 0.5)", c=const(*X)), written("b.detach_()\nb = b * x"), written("b.data.mul_(2)"),
    written("with torch.no_grad(): b.mul_(2)"),
    # through a view: the base, and the view
    *(written(code, show, w=(4,)) for code in ("v = b[0]; v.mul_(2)", "v = b[0]; v.mul_(w)", "v = b[0]; v.copy_(w)", "v = b.view(-1); v.zero_()", "v = b[1:]; v.add_(w)",
                                               "v = b.diagonal(); v.mul_(3)", "v = b.unsqueeze(0); v.add_(1)", "v = b[:]; v.mul_(w)", "v = b.squeeze(); v.sigmoid_()")
      for show in ("b", "v")),
    written("v = b.t(); v.fill_(3)", "v"), written("v = b[0]; u = v[1:]; u.add_(1)"), written("v = b[0]; u = v[1:]; u.add_(1)", "v"), written("v = b[0]; u = v[1:]; u.add_(1)", "u"),
    written("v = b[0]; v.fill_(s)", s=()), written("v = b[0]; v.normal_()"), written("v = b[0]; v.index_add_(0, i, w)", i=given([0, 1], "int64"), w=(2,)),
    written("v = b.view_as(b); v.mul_(2)"), written("v = b.narrow(1, 0, 2); v.tanh_()"), written("v = b.select(1, 0); v.exp_()"), written("b[1:].t()[0] = 7"),
    # into the base: the views seen anew
    written("v = b[0]; b.mul_(2)", "v"), written("v = b[0]; b[1] = w", "v", w=(4,)), written("v = b.t(); b.relu_()", "v"), written("v = b[0]\nwith torch.no_grad(): b.mul_(2)", "v"),
    # x[index] = value
    written("b[0] = w", w=(4,)), written("b[0] = 5."), written("b[0] *= w", w=(4,)), written("b[[0, 1]] = w", w=(4,)), written("b[b > 0] = 0."), written("b[b > 0] = s", s=()),
    written("b[0, 1] = s", s=()), written("b[...] = w", w=(4,)), written("b[:, None] = c", c=const(3, 1, 4)), written("b[1:, ::2] += 1"), written("v = b[0:2]; v[[0, 1]] = w", w=(4,)),
    written("v = b[0:2]; v[[0, 1]] = w", "v", w=(4,)),
    sample("b = torch.zeros(3, 4)\nb[1] = w\nb", w=(4,)), sample("b = torch.zeros(3, 4)\nv = b[0]\nb[1] = w\nv", w=(4,)), sample("b = torch.zeros(3, 4)\nv = b[0]\nv.copy_(w)\nb", w=(4,)),
    sample("b = torch.zeros(3)\nfor i in range(3): b[i] = w[i] * 2\nb", w=(3,)),
]

FURTHER = [
    # elements and types
    sample("x.real", x=(2,)), sample("(x * 2j).abs()", x=(2,)), sample("x.half().float()", x=(2,)), sample("x.nan_to_num()", x=(2,)), sample("torch.heaviside(x, y)", x=(2,), y=(2,)),
    sample("x.frac()", x=(2,)), sample("x.sinc()", x=(2,)), sample("torch.hypot(x, y)", x=(2,), y=(2,)), sample("torch.logaddexp(x, y)", x=(2,), y=(2,)), sample("x.erfinv()", x=floats(2, low=-.5, high=.5)),
    sample("x.digamma()", x=positive(2)), sample("torch.xlogy(x, y)", x=positive(2), y=positive(2)), sample("torch.copysign(x, y)", x=(2,), y=(2,)), sample("x.logit()", x=floats(2, low=.2, high=.8)),
    # reductions and order
    sample("torch.var_mean(x)[0] + torch.var_mean(x)[1]", x=(2, 3)), sample("x.median()", x=(2, 3)), sample("x.median(1)[0]", x=(2, 3)), sample("x.kthvalue(1)[0]", x=(2, 3)), sample("x.cumprod(1)", x=(2, 3)),
    sample("x.cummax(1)[0]", x=(2, 3)), sample("x.logcumsumexp(1)", x=(2, 3)), sample("x.nansum()", x=(2, 3)), sample("torch.dist(x, y)", x=(3,), y=(3,)), sample("x.aminmax()[0]", x=(2, 3)), sample("x.mode()[0]", x=(2, 3)),
    # shapes and indices
    sample("x.roll(1, 0)", x=(2, 3)), sample("x.movedim(0, 1)", x=(2, 3)), sample("x.unfold(1, 2, 1)", x=(2, 4)), sample("torch.diag(x)", x=(3,)), sample("x.diag_embed()", x=(3,)), sample("x.tile(2)", x=(3,)),
    sample("x.index_select(0, i)", x=(3, 2), i=ints(2, high=3)), sample("x.scatter(0, i, y)", x=(3,), i=given([0, 2], "int64"), y=(2,)), sample("x.scatter_add(0, i, y)", x=(3,), i=given([0, 2], "int64"), y=(2,)),
    sample("x.index_add(0, i, y)", x=(3,), i=given([0, 2], "int64"), y=(2,)), sample("x.index_fill(0, i, 2.)", x=(3,), i=given([0, 2], "int64")), sample("x.index_put((i,), y)", x=(3,), i=given([0, 2], "int64"), y=(2,)),
    sample("x.masked_select(m)", x=(2, 3), m=bools(2, 3)), sample("x.take(i)", x=(2, 3), i=ints(2, high=3)), sample("torch.hstack([x, y])", x=(2,), y=(2,)), sample("x.as_strided((2,), (2,))", x=(4,)),
    sample("x.repeat_interleave(2)", x=(3,)), sample("x.select_scatter(y, 0, 1)", x=(2, 3), y=(3,)), sample("x.diagonal_scatter(y)", x=(2, 2), y=(2,)), sample("x.rot90()", x=(2, 3)),
    # linear algebra
    sample("torch.linalg.inv(x)", x=(2, 2)), sample("torch.linalg.det(x)", x=(2, 2)), sample("torch.linalg.solve(x, y)", x=(2, 2), y=(2,)), sample("torch.linalg.cholesky(x @ x.T + 3 * torch.eye(2))", x=(2, 2)),
    sample("torch.linalg.svdvals(x)", x=(2, 3)), sample("torch.linalg.norm(x)", x=(2, 3)), sample("torch.trace(x)", x=(2, 2)), sample("torch.einsum('ij,jk->ik', x, y)", x=(2, 3), y=(3, 2)), sample("torch.baddbmm(b, x, y)", b=(2, 2, 2), x=(2, 2, 3), y=(2, 3, 2)),
    # layers and losses
    sample("F.conv1d(x, w, b)", x=(1, 2, 5), w=(3, 2, 2), b=(3,)), sample("F.conv_transpose2d(x, w, b)", x=(1, 2, 3, 3), w=(2, 3, 2, 2), b=(3,)), sample("F.group_norm(x, 2, w, b)", x=(2, 4, 3), w=(4,), b=(4,)),
    sample("F.max_pool1d(x, 2)", x=(1, 2, 4)), sample("F.interpolate(x, scale_factor=2)", x=(1, 1, 2, 2)), sample("F.interpolate(x, scale_factor=2, mode='bilinear')", x=(1, 1, 2, 2)), sample("F.pad(x, (1, 1), mode='reflect')", x=(1, 2, 4)),
    sample("F.unfold(x, 2)", x=(1, 1, 3, 3)), sample("F.glu(x)", x=(2, 4)), sample("F.hardtanh(x)", x=(2,)), sample("F.binary_cross_entropy_with_logits(x, y)", x=(2,), y=const(2)), sample("F.smooth_l1_loss(x, y)", x=(2,), y=const(2)),
    sample("F.huber_loss(x, y)", x=(2,), y=const(2)), sample("F.kl_div(x, y, reduction='sum')", x=(2,), y=const(2)), sample("F.cosine_similarity(x, y)", x=(2, 3), y=(2, 3)), sample("F.embedding_bag(i, w, o)", i=ints(4, high=3), w=(3, 2), o=given([0, 2], "int64")),
]
# fmt: on
