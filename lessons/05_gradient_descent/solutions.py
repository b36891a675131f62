"""Solutions of lesson 05: each block replaces the body of the exercise cell of that number."""

# %% 05.1
lr = 0.4

# %% 05.2
curvature = (3.5 + (2.5**2 + 4 * 1.0**2) ** 0.5) / 2  # the larger eigenvalue of [[3, 1], [1, 0.5]]
smallest = 2 / curvature


# %% 05.3
def walk(f, start, lr, steps):
    p = start.detach().clone().requires_grad_(True)
    for _ in range(steps):
        p.grad = None
        f(p).backward()
        with torch.no_grad():
            p -= lr * p.grad
    return p.detach()
