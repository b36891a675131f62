"""Solutions of lesson 03: each block replaces the body of the exercise cell of that number."""

# %% 03.1
w, x, b, t = 0.75, 2.0, -1.0, 1.0
f0 = w * x
f1 = f0 + b
f2 = math.tanh(f1)
f3 = (f2 - t) ** 2
d2 = 2 * (f2 - t)
d1 = d2 * (1 - f2 * f2)
d0 = d1
dw = d0 * x
db = d1

# %% 03.2
x = 2.0
via_sin = math.cos(x) * x
via_mul = math.sin(x)
via_add = 1.0
total = via_sin + via_mul + via_add

# %% 03.3
forgotten = 2.0
gradient = 2 / 3
