"""Solutions of lesson 07: each block replaces the body of the exercise cell of that number."""

# %% 07.1
fates = ["creeps", "swings", "diverges", "swings"]


# %% 07.2
largest = (1 - 0.02**0.5) ** 2


# %% 07.3
def walk(f, start, lr, beta, steps):
    p = start.detach().clone().requires_grad_(True)
    v = torch.zeros_like(start)
    for _ in range(steps):
        p.grad = None
        f(p).backward()
        with torch.no_grad():
            v = beta * v + p.grad
            p -= lr * v
    return p.detach()
