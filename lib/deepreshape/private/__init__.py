"""What private inference costs."""
