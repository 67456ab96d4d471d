"""Modules of one's own: what they cost, and as networks of this library; weights from elsewhere."""
