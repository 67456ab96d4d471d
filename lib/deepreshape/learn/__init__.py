"""What a network learns: data, modules, losses, one training loop, and the store of its records."""
