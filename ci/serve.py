"""Serve a folder of pages to this machine, compressed: `python ci/serve.py FOLDER [PORT]`.

Text leaves as gzip wherever the browser takes it, which is what a web server on the internet does;
nothing but 127.0.0.1 is answered.
"""

from __future__ import annotations

import errno
import gzip
import io
import mimetypes
import sys
from collections.abc import Sequence
from functools import lru_cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

HOST = "127.0.0.1"
TEXT = {"application/javascript", "application/json", "application/wasm", "image/svg+xml"}


class Handler(SimpleHTTPRequestHandler):
    """Files of one folder; text is compressed once and kept."""

    protocol_version = "HTTP/1.1"  # a page's many small files share a connection

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        path = Path(self.translate_path(self.path))
        kind = mimetypes.guess_type(path.name)[0] or ""
        if "gzip" not in self.headers.get("Accept-Encoding", "") or not (
            path.is_file() and (kind.startswith("text/") or kind in TEXT)
        ):
            return super().send_head()
        body = compressed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")  # a page built again is seen at once
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of requests."""


class Server(ThreadingHTTPServer):
    """Each request in a thread of its own."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader who leaves a page early is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@lru_cache(maxsize=1024)
def compressed(path: Path, changed: int) -> bytes:
    """The file as gzip. changed: its time, so that another content is not taken for it."""
    return gzip.compress(path.read_bytes(), 6, mtime=0)


def server(folder: Path, port: int = 0) -> Server:
    """A server of the folder, not yet started; port 0 is a free one, `server_port` says which."""
    return Server((HOST, port), partial(Handler, directory=str(folder)))


def main(arguments: Sequence[str]) -> int:
    """Serve until Ctrl-C; return the exit status."""
    folder, given = Path(arguments[0]), arguments[1] if len(arguments) > 1 else "8000"
    if not given.isdecimal() or int(given) > 65535:
        print(f"serve: PORT={given} is no port; name one of 1 to 65535", file=sys.stderr)
        return 2
    if not folder.is_dir():
        print(f"serve: there is no folder {folder}; make book writes it", file=sys.stderr)
        return 2
    try:
        pages = server(folder, int(given))
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "is taken; name another with PORT=" if taken else f"cannot be had: {error}"
        print(f"serve: port {given} {reason}", file=sys.stderr)
        return 1
    print(f"http://{HOST}:{pages.server_port}/  (Ctrl-C ends it)", flush=True)
    try:
        pages.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        pages.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
