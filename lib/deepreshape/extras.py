"""What only some of the library needs is an extra of the package; this says which is missing."""

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtra(ImportError):
    """A package is not installed that an extra brings; the line says which extra."""


@contextmanager
def needing(what: str, *extras: str) -> Iterator[None]:
    """Say of whatever package is not found here that `what` needs these extras."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not extras or package in ("", "deepreshape"):
            raise
        install = f'pip install "deepreshape[{",".join(extras)}]"'
        raise MissingExtra(f"{what} needs {package}, which is not installed: {install}") from None
