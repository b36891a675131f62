"""Side by side with torch, in one run."""
