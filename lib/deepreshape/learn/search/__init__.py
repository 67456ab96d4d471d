"""Which ReLUs a net keeps: SNL, SENet, and what they share."""
