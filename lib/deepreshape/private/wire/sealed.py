"""TLS 1.3 between two parties that know each other's certificates, over sockets that never wait.

The bytes of TLS are made and read in memory (`ssl.SSLObject`), and go over whatever sockets there
are: so an emulated link lies beneath, and a process may take a connection over from its parent.
There is no lower version, no session that is resumed, no data before the handshake's end.
"""

import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from deepreshape.private.wire.keys import Certificate
from deepreshape.private.wire.pipe import BadFrame, Refused, Unknown, Unsealed, WireError

BATCH = 1 << 16
"""Bytes that are encrypted before they are sent."""
CHUNK = 1 << 16
"""Bytes that are read before they are decrypted."""
RECORDS = (0x15, 0x16)
"""How TLS begins: with an alert, or with a handshake."""
STRANGER = ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_REQUIRED", "CERTIFICATE_UNKNOWN")
VERSIONS = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW")


@dataclass(frozen=True, eq=False, slots=True)
class Lock:
    """A side's own key, and who may be at the other end, by the bytes of the certificate."""

    context: ssl.SSLContext
    known: Mapping[bytes, Certificate]
    server: bool

    def over(self, sock: socket.socket) -> "Sealed":
        """A connection that is still to be agreed on."""
        return Sealed(self, sock)


def lock(key: Path, others: Collection[Certificate], *, server: bool) -> Lock:
    """key: a file of `keys.make`. Raises ValueError where that is no key, or is open to others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # a certificate names its owner, wherever that is
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if server:
        context.num_tickets = 0
    try:
        context.load_cert_chain(key, password="")  # else OpenSSL would ask for one
        others_may = key.stat().st_mode & 0o077
    except FileNotFoundError:
        raise ValueError(f"{key} is not there") from None
    except (ssl.SSLError, IsADirectoryError):
        raise ValueError(f"{key} is no key of `deepreshape keys make`") from None
    if others_may:
        raise ValueError(f"{key} can be read by others: `chmod 600 {key}`, or make another")
    if others:
        context.load_verify_locations(cadata=b"".join(each.octets for each in others))
    return Lock(context, MappingProxyType({each.octets: each for each in others}), server)


class Sealed:
    """One side of an encrypted connection, called as a socket is that does not wait.

    peer: who is at the other end, once that is proven; before, nothing is sent or read. begun: has
    the peer begun to encrypt?
    """

    def __init__(self, lock: Lock, sock: socket.socket) -> None:
        self.peer: Certificate | None = None
        self._known = lock.known
        self._come, self._made = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = lock.context.wrap_bio(self._come, self._made, server_side=lock.server)
        self._reading = self._writing = sock
        self.begun = False
        self._left = memoryview(b"")  # made, and still to be taken by the socket
        self._owed = 0  # bytes of the caller in what is still to be taken

    def through(self, reading: socket.socket, writing: socket.socket) -> None:
        """Go over these sockets from now on."""
        self._reading, self._writing = reading, writing

    def shake(self) -> None:
        """Go on with the handshake until the peer is known; BlockingIOError where it is to speak.

        Raises WireError where the peer is not one of those that are known, and OSError where it is
        gone.
        """
        while self.peer is None:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush_what_goes()
                self._fill()
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                raise ConnectionResetError from None
            except ssl.SSLError as error:
                raise self._failed(error) from None
            else:
                self._flush_what_goes()
                self.peer = self._known.get(self._tls.getpeercert(True) or b"")
                if self.peer is None:
                    raise Unknown("the peer's key is not one that is known here")

    def recv(self, most: int) -> bytes:
        octets = bytearray(most)
        return bytes(octets[: self.recv_into(memoryview(octets))])

    def recv_into(self, view: memoryview) -> int:
        """Bytes that came, 0 at the end; raises BadFrame where they are not what the peer sent."""
        assert self.peer
        while True:
            try:
                count: int = self._tls.read(view.nbytes, view)  # type: ignore[assignment]
                return count
            except ssl.SSLWantReadError:
                self._fill()
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return 0
            except ssl.SSLError as error:
                raise self._failed(error) from None

    def sendmsg(self, parts: list[memoryview]) -> int:
        """Bytes that the socket took; after a BlockingIOError, the same parts are to come again."""
        assert self.peer
        if not self._owed:
            self._flush()
            try:
                self._owed = self._encrypt(parts)
            except ssl.SSLError as error:
                raise self._failed(error) from None
        self._flush()
        sent, self._owed = self._owed, 0
        return sent

    def _encrypt(self, parts: list[memoryview]) -> int:
        done = 0
        for part in parts:
            while part and done < BATCH:
                taken = self._tls.write(part[: BATCH - done])
                part, done = part[taken:], done + taken
        return done

    def _flush(self) -> None:
        """Send what was made; BlockingIOError while some is left."""
        while self._left or self._made.pending:
            self._left = self._left or memoryview(self._made.read())
            self._left = self._left[self._writing.send(self._left) :]

    def _flush_what_goes(self) -> None:
        """Send what was made, as far as it goes: a handshake or an alert fits into a socket."""
        try:
            self._flush()
        except OSError:
            return

    def _fill(self) -> None:
        octets = self._reading.recv(CHUNK)
        if not octets:
            self._come.write_eof()
            return
        if not self.begun and octets[0] not in RECORDS:
            raise Unsealed("the peer does not encrypt: it has no key")
        self.begun = True
        self._come.write(octets)

    def _failed(self, error: ssl.SSLError) -> WireError:
        """What is wrong, of which the peer is told by an alert."""
        self._flush_what_goes()
        reason = (error.reason or "").upper()
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            return Unknown("the peer's key is not one that is known here")
        if "ALERT" in reason:
            if any(name in reason for name in STRANGER):
                return Refused("the peer does not know the key of this side")
            if "MAC" in reason or "DECRYPT" in reason:
                return Refused("the peer found bytes that were changed on the way")
        if any(name in reason for name in VERSIONS):
            return BadFrame("the peer does not speak TLS 1.3")
        if "BAD_RECORD_MAC" in reason or "DECRYPTION_FAILED" in reason:
            return BadFrame("bytes were changed on the way")
        words = reason.lower().replace("_", " ") or "no reason is known"
        return BadFrame(f"the encrypted connection failed: {words}")
