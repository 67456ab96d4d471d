"""What goes between two processes: frames, limits, accounts, an emulated link."""
