"""Solutions of lesson 01: each block replaces the body of the exercise cell of that number."""

# %% 01.1
column = torch.tensor([[0.0], [1.0], [-2.0]])
row = torch.tensor([[5.0, 7.0, 4.0, 9.0]])

# %% 01.2
shapes = [(4, 4), None, (2, 3, 5), (6,), None]

# %% 01.3
answer = {
    "t.view(12)": True,
    "t.T": True,
    "t[1:, ::2]": True,
    "t[[0, 2]]": False,
    "t.T.reshape(12)": False,
    "t + 0": False,
}
