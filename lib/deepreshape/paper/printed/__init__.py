"""What the paper prints, what computes it, and whether the two agree."""
