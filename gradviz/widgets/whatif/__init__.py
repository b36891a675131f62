"""What if a leaf were different, and what the next line adds: graphs that change."""
