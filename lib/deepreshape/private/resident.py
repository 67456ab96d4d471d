"""The most memory that this process has had resident, since it was last asked to forget."""

from contextlib import suppress
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget() -> None:
    """Let the peak begin anew, where the system can: Linux."""
    with suppress(OSError):
        _FORGET.write_text("5")


def peak() -> int:
    """Bytes; elsewhere than on Linux since the process began."""
    try:
        lines = _STATUS.read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 1024 * getrusage(RUSAGE_SELF).ru_maxrss
