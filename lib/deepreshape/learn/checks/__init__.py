"""Is the arithmetic of this machine right, and what is missing on it?"""
