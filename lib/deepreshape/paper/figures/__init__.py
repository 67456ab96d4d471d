"""Pictures: one theme, and one way to draw each kind of experiment."""
