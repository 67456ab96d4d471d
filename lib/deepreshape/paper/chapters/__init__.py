"""What the chapters of the book compute and draw: toys, worked examples, names explained."""
