"""How commands are called: names, arguments and help. What they do is imported when it is done."""
