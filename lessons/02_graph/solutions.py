"""Solutions of lesson 02: each block replaces the body of the exercise cell of that number."""


# %% 02.1
def power(x, n):
    y = x
    for _ in range(n):
        y = y * x
    return y


# %% 02.2
def walk(x):
    while x < 10:
        if x < 4:
            x = x * 2
        else:
            x = x + 3
    return x


start = 3.0

# %% 02.3
a, b, c, d, e, f = True, False, True, True, False, True
