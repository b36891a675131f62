"""Solutions of lesson 13: each block replaces the body of the exercise cell of that number."""

# %% 13.1
inputs = make()[:-1](torch.zeros(1, 3, 64, 64)).shape[1]


# %% 13.2
torch.manual_seed(1)
mine = make()
steps = torch.optim.Adam(mine.parameters(), lr=2e-3)
for _ in range(6):
    for images, labels in loader:
        steps.zero_grad()
        F.cross_entropy(mine(images), labels).backward()
        steps.step()


# %% 13.3
def confused(labels, guesses):
    wrong = labels[labels != guesses]
    return torch.bincount(wrong, minlength=10).argmax().item()
