"""A linear layer and a ReLU on shares: who holds what, and what is sent."""

from deepreshape.paper.figures.drawings import NOTE, Arrow, Box, Drawing, Label, Part

CLIENT, SERVER = 80.0, 300.0


def linear() -> Drawing:
    """What the parties do for a linear layer, from the upper to the lower edge."""
    held = Box(CLIENT, 50, 140, 30, "c", tone="blue")
    given = Box(SERVER, 50, 140, 30, "s, W, u", tone="rose")
    sealed = Box(SERVER, 112, 140, 44, "W c − u", "encrypted, unseen", "rose", dashed=True)
    opened = Box(CLIENT, 176, 140, 30, "W c − u", tone="blue")
    own = Box(SERVER, 176, 140, 30, "W s + u", tone="rose")
    drawn: list[Part] = [
        Label(CLIENT, 14, "client", size=NOTE + 2, bold=True),
        Label(SERVER, 14, "server", size=NOTE + 2, bold=True),
        Arrow((held.bottom, (CLIENT, 112), sealed.left), "blue"),
        Label((CLIENT + sealed.left[0]) / 2, 100, "c, encrypted"),
        Arrow(((sealed.left[0], 126), (opened.right[0] - 20, 126), (opened.right[0] - 20, 161))),
        Arrow(((given.right[0] - 14, 65), (given.right[0] - 14, 90)), "rose", head=False),
        Label((CLIENT + SERVER) / 2, 176, "together"),
        Label((CLIENT + SERVER) / 2, 208, "(W c − u) + (W s + u) = W x", size=NOTE + 2),
        *(held, given, sealed, opened, own),
    ]
    said = (
        "The client holds c, the server s, W and u. The client sends c encrypted; the server"
        " computes W c minus u on the ciphertext and sends it back, and the client opens it. The"
        " server computes W s plus u by itself. Together the two are W x."
    )
    return Drawing("A linear layer on shares", said, 224, drawn)
