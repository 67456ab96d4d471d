"""What a frame's header says, and what may be wrong with one.

A frame is a header of 20 bytes and a payload. The header holds two magic bytes, the version, the
kind, the number of the frame in its direction and the payload's length; so garbage, and frames
dropped, repeated or out of order, are found at once.
"""

import struct
from enum import IntEnum

from deepreshape.private.wire.pipe import BadFrame

MAGIC = b"DR"
VERSION = 3
HEADER = struct.Struct("<2sBBQQ")
"""Magic, version, kind, number of the frame, length of the payload."""
HELLO = 0
TURN = 254
ERROR = 255
"""Kinds that are taken; those of a protocol lie between the first two. The payload of the others
is a line: why a party stops, for now or for good."""
LINE = 300
"""Bytes of such a line."""


def header(kind: int, number: int, length: int) -> bytes:
    return HEADER.pack(MAGIC, VERSION, kind, number, length)


def reason(text: str) -> bytes:
    """The line in which a party says why it stops, as a payload."""
    return printable(text, LINE).encode("ascii", "replace")


def read(octets: bytes | bytearray, number: int, what: str) -> tuple[int, int]:
    """Kind and length, from the header of what should be the frame of this number.

    Raises BadFrame.
    """
    magic, version, kind, found, length = HEADER.unpack(octets)
    if magic != MAGIC:
        raise BadFrame(f"the peer sent something else than a frame where {what} was due")
    if version != VERSION:
        raise BadFrame(f"the peer's frames are of version {version}, ours of {VERSION}")
    if found != number:
        raise BadFrame(
            f"frame {found} came where {number} was due: one was dropped, repeated or out of order"
        )
    if kind in (TURN, ERROR) and length > LINE:
        raise BadFrame(f"the peer stopped, and said why in {length} bytes")
    return kind, length


def expected(found: tuple[int, int], kind: int, least: int, most: int) -> int:
    """The length of a frame that should be of a kind and of `least` to `most` bytes.

    Raises BadFrame.
    """
    other, length = found
    if other != kind:
        raise BadFrame(f"a frame of kind {other} came where {named(kind)} was due")
    if not least <= length <= most:
        allowed = f"{most}" if least == most else f"{least} to {most}"
        raise BadFrame(f"{named(kind)} has {length} bytes, where {allowed} are allowed")
    return length


def named(kind: int) -> str:
    """A kind as messages name it."""
    if kind == HELLO:
        return "a greeting"
    return kind.name if isinstance(kind, IntEnum) else f"a frame of kind {kind}"


def printable(text: str, most: int) -> str:
    """At most `most` characters, none of which moves a terminal's cursor."""
    return "".join(c if c.isprintable() else "?" for c in text[:most])
