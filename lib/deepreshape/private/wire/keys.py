"""Keys by which client and server know each other: a certificate each that it signed itself.

There is no authority: either side is given the other's certificate beforehand, and takes no other.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deepreshape.files import write_new

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SECRET, PUBLIC = ".key", ".pub"
"""How the files of a key end: one that its owner keeps, one that the other side is given."""
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""A certificate is good until it is no longer trusted, whatever the clocks say."""


@dataclass(frozen=True)
class Certificate:
    """What is public of a key: its owner's name, as the owner chose it, and the DER bytes."""

    name: str
    octets: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.octets).hexdigest()


def make(name: str, folder: Path) -> Certificate:
    """Write NAME.key, which its owner alone can read, and NAME.pub into a folder.

    Raises ValueError where one of them is there, or for a name that is none.
    """
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name for a key: take up to 64 letters, digits, dots, - and _"
        )
    secret, public = folder / f"{name}{SECRET}", folder / f"{name}{PUBLIC}"
    for path in (secret, public):
        if path.exists():
            raise ValueError(f"{path} is there already: a key is not replaced")
    key = Ed25519PrivateKey.generate()
    made = _signed(name, key)
    pem = made.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_new(secret, private + pem, mode=0o600)
    try:
        write_new(public, pem, mode=0o644)
    except OSError:
        secret.unlink()
        raise
    return Certificate(name, made.public_bytes(Encoding.DER))


def certificate(path: Path) -> Certificate:
    """The certificate in a file of `make`; raises ValueError where there is none."""
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        (name,) = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except FileNotFoundError:
        raise ValueError(f"{path} is not there") from None
    except (ValueError, IsADirectoryError):
        raise ValueError(f"{path} holds no certificate of `deepreshape keys make`") from None
    text = str(name.value)
    if not NAME.fullmatch(text):
        raise ValueError(f"{path} names its owner in a way that is not allowed")
    return Certificate(text, found.public_bytes(Encoding.DER))


def _signed(name: str, key: Ed25519PrivateKey) -> x509.Certificate:
    owner = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    since, until = ALWAYS
    return (
        x509.CertificateBuilder()
        .subject_name(owner)
        .issuer_name(owner)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        # It vouches for no other key.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, None)
    )
