"""Solutions of lesson 10: each block replaces the body of the exercise cell of that number."""

# %% 10.1
order = "dbcea"

# %% 10.2
loop = "C"
how = "cleared"


# %% 10.3
class Scaled(nn.Module):
    def __init__(self, n, m):
        super().__init__()
        self.linear = nn.Linear(n, m)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.scale * self.linear(x)


def make(n, m):
    return Scaled(n, m)
