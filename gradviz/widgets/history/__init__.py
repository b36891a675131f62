"""What a training does to every layer: distributions and gradients over time."""
