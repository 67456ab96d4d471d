"""What the paper says, and whether it holds: printed values, experiments, figures, verdicts."""
