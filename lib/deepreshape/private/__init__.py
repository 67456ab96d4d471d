"""What private inference costs, by a model and by doing it: client, server, what they compute."""
