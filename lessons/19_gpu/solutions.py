"""Solutions of lesson 19: each block replaces the body of the exercise cell of that number."""


# %% 19.1
def crossover(cpu, gpu, most):
    if gpu(most) >= cpu(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if gpu(middle) < cpu(middle):
            high = middle
        else:
            low = middle
    return high


# %% 19.2
def mean_loss(step, batches):
    losses = [step(x, y).detach() for x, y in batches]
    return torch.stack(losses).mean().item()


# %% 19.3
def add_positions(x):
    return x + torch.arange(x.shape[-1], device=x.device, dtype=x.dtype)
