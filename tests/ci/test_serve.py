"""The server of the built book."""

import gzip
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Thread

import pytest

from ci import serve


@pytest.fixture
def site(tmp_path: Path) -> Iterator[HTTPConnection]:
    (tmp_path / "page.html").write_text("<p>α</p>" * 100, encoding="utf-8")
    (tmp_path / "dot.png").write_bytes(b"\x89PNG" * 100)
    with serve.server(tmp_path) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with closing(HTTPConnection(serve.HOST, server.server_port, timeout=30)) as connection:
            yield connection
        server.shutdown()


def get(site: HTTPConnection, path: str, accepted: str = "gzip, br") -> HTTPResponse:
    site.request("GET", path, headers={"Accept-Encoding": accepted})
    return site.getresponse()


def test_text_is_compressed(site: HTTPConnection, tmp_path: Path) -> None:
    answer = get(site, "/page.html")
    body = answer.read()
    assert answer.getheader("Content-Encoding") == "gzip"
    assert answer.getheader("Content-Length") == str(len(body))
    assert gzip.decompress(body) == (tmp_path / "page.html").read_bytes()


@pytest.mark.parametrize(("path", "accepted"), [("/page.html", "identity"), ("/dot.png", "gzip")])
def test_what_is_not_wanted_or_gains_nothing_is_sent_plain(
    site: HTTPConnection, tmp_path: Path, path: str, accepted: str
) -> None:
    answer = get(site, path, accepted)
    assert answer.getheader("Content-Encoding") is None
    assert answer.read() == (tmp_path / path[1:]).read_bytes()


def test_a_changed_page_is_sent_anew(site: HTTPConnection, tmp_path: Path) -> None:
    get(site, "/page.html").read()
    (tmp_path / "page.html").write_text("new")
    assert gzip.decompress(get(site, "/page.html").read()) == b"new"


@pytest.mark.parametrize("path", ["/none.html", "/../secret"])
def test_what_is_not_there_is_not_found(site: HTTPConnection, path: str) -> None:
    answer = get(site, path)
    answer.read()
    assert answer.status == 404


def test_it_listens_to_this_machine_alone(tmp_path: Path) -> None:
    with serve.server(tmp_path) as server:
        assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("port", ["x", "70000", "-1"])
def test_a_wrong_port_gets_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    assert serve.main([str(tmp_path), port]) == 2
    assert capsys.readouterr().err == f"serve: PORT={port} is no port; name one of 1 to 65535\n"


def test_a_taken_port_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind((serve.HOST, 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert serve.main([str(tmp_path), port]) == 1
    assert capsys.readouterr().err == f"serve: port {port} is taken; name another with PORT=\n"


def test_without_a_book_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.main([str(tmp_path / "none")]) == 2
    assert "make book writes it" in capsys.readouterr().err
