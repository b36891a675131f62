"""Training runs: curves, the panel, forks."""
