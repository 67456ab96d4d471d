"""What the paper claims of trained networks, and what became of it."""
