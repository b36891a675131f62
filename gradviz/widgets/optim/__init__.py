"""Walks of optimisers, clipping, schedules, landscapes."""
