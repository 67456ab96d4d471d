"""The protocol drawn: what client and server send each other, before a picture and with one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from deepreshape.paper.chapters.messages import MESSAGES, Side, shown
from deepreshape.paper.figures.drawings import Arrow, Box, Drawing, Frame, Label, Part, Tone

AT = {"client": 66.0, "server": 314.0}
"""Where the two parties' lines stand."""
TONES: dict[Side, Tone] = {"client": "blue", "server": "orange"}
ROW, WORK = 46.0, 40.0
"""Height of a message and of a piece of work."""


@dataclass(frozen=True, slots=True)
class Does:
    """What a party does by itself; two lines at most."""

    side: Side
    text: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """What happens again and again."""

    text: str
    events: tuple["str | Does", ...]


Event = str | Does | Repeat
"""A message by its name, work, or a repetition of both."""

OFFLINE: tuple[Event, ...] = (
    Does("client", "draws all its shares\nat random"),
    Repeat(
        "for each linear layer",
        ("shares", Does("server", "multiplies by weights,\nsubtracts random numbers"), "answers"),
    ),
    Repeat(
        "for each layer of ReLUs",
        ("choices", Does("server", "garbles the circuits"), "tables"),
    ),
)
ONLINE: tuple[Event, ...] = (
    Does("client", "now has the picture"),
    "image",
    Does("server", "linear layers in the\nclear, on its shares"),
    Repeat(
        "for each layer of ReLUs",
        (
            "labels",
            Does("client", "unlocks gate by gate"),
            "results",
            Does("server", "adds its part,\nlinear layers again"),
        ),
    ),
    "logits",
    Does("client", "adds its own share:\nthe scores"),
)


def offline(sizes: Mapping[str, int]) -> Drawing:
    """What is exchanged before there is a picture. sizes: in bytes, of `messages.sizes`."""
    return _exchange("Offline, before there is a picture", OFFLINE, sizes)


def online(sizes: Mapping[str, int]) -> Drawing:
    """What is exchanged once there is one."""
    return _exchange("Online, with the picture", ONLINE, sizes)


def _exchange(title: str, events: Iterable[Event], sizes: Mapping[str, int]) -> Drawing:
    frames: list[Part] = []
    parts: list[Part] = []
    told: list[str] = []
    y = 44.0
    for event in events:
        if isinstance(event, Repeat):
            start = y
            y += 22
            told.append(f"{event.text.capitalize()}:")
            for each in event.events:
                y = _event(each, y, sizes, parts, told)
            frames.append(Frame(4, start, 372, y - start + 2))
            parts.append(Label(sum(AT.values()) / 2, start + 12, event.text))
            y += 14
        else:
            y = _event(event, y, sizes, parts, told)
    lines = [line for side in AT for line in _line(side, parts, y)]
    heads: list[Part] = [
        Box(AT["client"], 17, 124, 28, "client", tone="blue"),
        Box(AT["server"], 17, 124, 28, "server", tone="orange"),
    ]
    return Drawing(title, " ".join(told), y + 4, (*frames, *lines, *heads, *parts))


def _event(
    event: str | Does, y: float, sizes: Mapping[str, int], parts: list[Part], told: list[str]
) -> float:
    """Draw an event from y on; returns where the next begins."""
    if isinstance(event, Does):
        parts.append(_work(event, y))
        told.append(f"The {event.side}: {' '.join(event.text.split())}.")
        return y + WORK + 8
    message = MESSAGES[event]
    ends = AT["client"], AT["server"]
    start, end = ends if message.sender == "client" else ends[::-1]
    at, middle = y + 26, sum(ends) / 2
    size = shown(sizes[event]) if event in sizes else ""
    parts += [
        Arrow(((start, at), (end, at)), TONES[message.sender]),
        Label(middle, at - 10, message.what, bold=True),
        Label(middle, at + 10, size),
    ]
    told.append(f"The {message.sender} sends: {message.what}" + (f", {size}." if size else "."))
    return y + ROW


def _work(event: Does, y: float) -> Box:
    """Work as a box on its party's line, wide towards the middle."""
    wide, side = 164.0, event.side
    x = 4 + wide / 2 + 6 if side == "client" else 376 - wide / 2 - 6
    return Box(x, y + WORK / 2, wide, WORK, note=event.text, tone=TONES[side])


def _line(side: str, parts: Iterable[Part], end: float) -> Iterator[Part]:
    """A party's line from top to bottom, left out where its work stands."""
    x, start = AT[side], 31.0
    for part in parts:
        if isinstance(part, Box) and part.left[0] < x < part.right[0]:
            yield Arrow(((x, start), (x, part.top[1])), head=False)
            start = part.bottom[1]
    yield Arrow(((x, start), (x, end)), head=False)
