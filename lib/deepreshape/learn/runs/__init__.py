"""Runs, their records, and how these are made, kept, found and priced."""
