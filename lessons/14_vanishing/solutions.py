"""Solutions of lesson 14: each block replaces the body of the exercise cell of that number."""

# %% 14.1
gain = (2 / (1 + 0.5**2)) ** 0.5  # half of the values keep their square, half keep a quarter of it

# %% 14.2
diagnosis = {"A": "exploding", "B": "dead", "C": "vanishing"}
