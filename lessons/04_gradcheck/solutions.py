"""Solutions of lesson 04: each block replaces the body of the exercise cell of that number."""


# %% 04.1
def numeric(f, x, h):
    slope = torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros_like(x)
        step.view(-1)[i] = h
        slope.view(-1)[i] = (f(x + step) - f(x - step)) / (2 * h)
    return slope


# %% 04.2
better = torch.tensor([-2.5, -0.5, 0.5, 2.5], dtype=torch.float64, requires_grad=True)
(wrong,) = [name for name, f in six.items() if not gradcheck(f, (better,), raise_exception=False)]


# %% 04.3
def slope(x):
    return torch.where(x.abs() < 1, x, x.sign())
