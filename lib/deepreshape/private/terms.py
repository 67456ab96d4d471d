"""What a server offers, by name, for whoever asks without computing anything."""

ANSWERS = ("logits", "rounded", "top")
"""What a client may learn of an image: logits, rounded logits, or the first class alone."""
PREPARED = 16
"""Images that may be prepared at a time."""
