"""Where images come from, what a set of them is, and what an epoch shows."""
