"""Solutions of lesson 16: each block replaces the body of the exercise cell of that number."""

# %% 16.1
scale = 2.0**17


# %% 16.2
def skipped(start, scales):
    before = [start, *scales]
    return [i for i, now in enumerate(scales) if now < before[i]]
