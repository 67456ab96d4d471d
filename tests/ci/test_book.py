"""The book's sources, and the two programs that guard its pages."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from sphinx_external_toc.parsing import parse_toc_yaml

from book.extensions.files import linked
from book.extensions.offline import outside_css, outside_files, outside_html
from ci import build_book

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
PAGES = sorted(BOOK.glob("*.md"))
SUMS = sorted(BOOK.glob("third_party/*/SHA256SUMS"))

Fake = Callable[..., None]


# Sources


@pytest.mark.parametrize("sums", SUMS, ids=lambda path: path.parent.name)
def test_third_party_files_are_exactly_the_listed_ones(sums: Path) -> None:
    lines = [line for line in sums.read_text().splitlines() if not line.startswith("#")]
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {
        path.relative_to(sums.parent).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sums.parent.rglob("*")
        if path.is_file() and path != sums
    }
    assert found == listed
    assert "LICENSE" in listed


def test_every_page_of_the_toc_is_written_or_a_notebook() -> None:
    for page in parse_toc_yaml(BOOK / "_toc.yml"):
        assert (BOOK / f"{page}.md").is_file() or (ROOT / f"notebooks/{page}.ipynb").is_file(), page


def test_every_written_page_is_in_the_toc() -> None:
    assert {page.stem for page in PAGES} <= set(parse_toc_yaml(BOOK / "_toc.yml"))


def test_configured_files_exist() -> None:
    config = yaml.safe_load((BOOK / "_config.yml").read_text())["sphinx"]["config"]
    folders = [BOOK / folder for folder in config["html_static_path"]]
    for name in [config["mathjax_path"], *config["html_css_files"]]:
        assert any((folder / name).is_file() for folder in folders), name


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_make_command_of_a_page_exists(page: Path) -> None:
    rules = re.findall(r"^([^\s#:=][^#:=]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = [target.replace("%", "*") for rule in rules for target in rule.split()]
    for command in re.findall(r"(?:^|`)make ([\w-]+)", page.read_text(), re.MULTILINE):
        assert any(fnmatch(command, target) for target in targets), f"make {command}"


# The offline extension


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<SCRIPT SRC=//cdn.example/x.js></SCRIPT>",
        '<link rel="stylesheet" href="https://cdn.example/x.css">',
        '<link rel="shortcut icon" href="http://cdn.example/x.ico">',
        '<link rel="preload" as="font" href="https://cdn.example/x.woff2">',
        '<link rel="preconnect" href="https://cdn.example">',
        '<img src="https://cdn.example/x.png"/>',
        '<img src="x.png" srcset="x.png 1x, https://cdn.example/y.png 2x">',
        r'<img src="https:\\cdn.example\x.png">',
        '<iframe src="https://cdn.example/"></iframe>',
        '<video poster="https://cdn.example/x.png"><source src="//cdn.example/x.mp4"></video>',
        '<svg><image xlink:href="https://cdn.example/x.png"/></svg>',
        '<p style="background: url(https://cdn.example/x.png)">text</p>',
        "<style>@import 'https://cdn.example/x.css';</style>",
        '<script>load("https://cdn.example/vega@6")</script>',
        '<script type="module">import x from "//cdn.example/x.js"</script>',
    ],
)
def test_outside_resources_are_flagged(html: str) -> None:
    assert outside_html(f"<html><body>{html}</body></html>")


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://example.org/paper">the paper</a>',
        '<link rel="canonical" href="https://example.org/book">',
        '<link rel="next" title="Next" href="fig12.html">',
        '<script src="_static/mathjax/tex-chtml-full.js"></script>',
        '<link rel="stylesheet" href="_static/book.css?v=1">',
        '<img src="_images/x.png" srcset="_images/x.png 1x, _images/y.png 2x">',
        '<img src="data:image/png;base64,AAAA//AA">',
        "<style>p { background: url('x.png') }</style>",
        "<p>https://example.org and url(https://example.org) are text</p>",
        '<script>const ns = "http://www.w3.org/2000/svg"; // https://example.org</script>',
        '<script type="application/json">{"$schema": "https://example.org/v6.json"}</script>',
        '<!-- <img src="https://example.org/x.png"> -->',
    ],
)
def test_local_resources_and_hyperlinks_pass(html: str) -> None:
    assert outside_html(f"<html><body>{html}</body></html>") == []


def test_a_finding_names_the_tag_and_the_address() -> None:
    assert outside_html('<img src="https://cdn.example/x.png">') == [
        "<img> https://cdn.example/x.png"
    ]


def test_style_sheets() -> None:
    assert outside_css("@import url(https://cdn.example/x.css);") == ["https://cdn.example/x.css"]
    assert outside_css('@font-face { src: url("//cdn.example/x.woff2") }') == [
        "//cdn.example/x.woff2"
    ]
    assert outside_css("/* url(https://cdn.example/x) */ a { background: url(../x.png) }") == []
    assert (
        outside_css("""a { mask: url("data:image/svg+xml,<svg xmlns='http://x.org/'/>") }""") == []
    )


def test_pages_and_style_sheets_of_a_folder_are_searched(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "page.html").write_text('<img src="https://cdn.example/x.png">')
    (tmp_path / "sheet.css").write_text("a { background: url(https://cdn.example/x.png) }")
    (tmp_path / "code.js").write_text('"https://cdn.example/x.js"')
    assert [file.name for file, _ in outside_files(tmp_path)] == ["page.html", "sheet.css"]


# The build


def notebook(path: Path, count: int | None = 1, outputs: Sequence[object] = ()) -> Path:
    cell = {
        "cell_type": "code",
        "execution_count": count,
        "metadata": {},
        "outputs": list(outputs),
        "source": ["1"],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    return path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of one written page and one notebook that lies in tmp_path/notebooks."""
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "_toc.yml").write_text("format: jb-book\nroot: intro\nchapters:\n  - file: fig12\n")
    (folder / "intro.md").write_text("# Title\n")
    notebook(tmp_path / "notebooks" / "fig12.ipynb")
    return folder


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Replace Jupyter Book: write one page that holds ``text``, say ``log``, end as ``good``."""

    def put(text: str, log: str = "", good: bool = True) -> None:
        def run(source: Path, out: Path, log_file: Path) -> bool:
            (out / "_build" / "html").mkdir(parents=True, exist_ok=True)
            (out / "_build" / ".doctrees").mkdir(exist_ok=True)
            (out / "_build" / "html" / "index.html").write_text(text)
            log_file.write_text(log)
            return good

        monkeypatch.setattr(build_book, "run_jupyter_book", run)

    return put


def test_sources_are_the_book_and_the_notebooks_of_its_toc(book: Path) -> None:
    files = build_book.sources(book, [book.parent / "notebooks"])
    assert sorted(files) == ["_toc.yml", "fig12.ipynb", "intro.md"]
    assert files["fig12.ipynb"] == book.parent / "notebooks" / "fig12.ipynb"


def test_a_notebook_that_no_page_names_is_no_source(book: Path) -> None:
    notebook(book.parent / "notebooks" / "fig13.ipynb")
    assert "fig13.ipynb" not in build_book.sources(book, [book.parent / "notebooks"])


def test_a_fresh_page_stands_before_the_committed_one(book: Path) -> None:
    fresh, committed = book.parent / "fresh", book.parent / "notebooks"
    notebook(fresh / "fig12.ipynb")
    files = build_book.sources(book, [fresh, committed])
    assert files["fig12.ipynb"] == fresh / "fig12.ipynb"


@pytest.mark.parametrize("exists", [True, False])
def test_a_page_that_was_not_made_here_is_the_committed_one(book: Path, exists: bool) -> None:
    fresh, committed = book.parent / "fresh", book.parent / "notebooks"
    if exists:
        notebook(fresh / "other.ipynb")
    files = build_book.sources(book, [fresh, committed])
    assert files["fig12.ipynb"] == committed / "fig12.ipynb"


def test_a_fresh_page_that_failed_is_refused_though_the_committed_one_is_good(book: Path) -> None:
    fresh, committed = book.parent / "fresh", book.parent / "notebooks"
    notebook(fresh / "fig12.ipynb", 1, [{"output_type": "error"}])
    with pytest.raises(build_book.BookError, match=rf"^{fresh}/fig12\.ipynb holds an error$"):
        build_book.sources(book, [fresh, committed])


def test_a_written_page_stands_before_a_notebook_of_its_name(book: Path) -> None:
    notebook(book.parent / "notebooks" / "intro.ipynb")
    assert "intro.ipynb" not in build_book.sources(book, [book.parent / "notebooks"])


def test_a_missing_notebook_is_one_clear_line(
    book: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(build_book, "BOOK", book)
    fresh, committed, out = (tmp_path / name for name in ("fresh", "committed", "out"))
    folders = ["--notebooks", str(fresh), "--committed", str(committed)]
    assert build_book.main([*folders, "--out", str(out)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"{fresh}/fig12.ipynb is missing: make reproduce-fig12 writes it"
    ]
    assert not out.exists()


def test_the_folders_of_fresh_and_committed_pages_are_handed_on(
    book: Path,
    fake: Fake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(build_book, "BOOK", book)
    fake("good")
    out = tmp_path / "out"
    folders = ["--notebooks", str(tmp_path / "fresh"), "--committed", str(tmp_path / "notebooks")]
    assert build_book.main([*folders, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}/html/index.html\n"
    assert (out / "source" / "fig12.ipynb").is_file()


@pytest.mark.parametrize(
    ("count", "outputs", "message"),
    [(None, [], "not executed"), (1, [{"output_type": "error"}], "holds an error")],
)
def test_a_notebook_that_did_not_run_through_is_refused(
    tmp_path: Path, count: int | None, outputs: list[dict[str, str]], message: str
) -> None:
    with pytest.raises(build_book.BookError, match=message):
        build_book.executed(notebook(tmp_path / "fig12.ipynb", count, outputs))


def test_unchanged_files_keep_their_time_and_stale_ones_go(tmp_path: Path) -> None:
    a, b = tmp_path / "a.md", tmp_path / "b.md"
    a.write_text("a")
    b.write_text("b")
    folder = tmp_path / "source"
    assert not build_book.assemble({"a.md": a, "deep/b.md": b}, folder)
    before = (folder / "a.md").stat().st_mtime_ns
    b.write_text("changed")
    assert not build_book.assemble({"a.md": a, "deep/b.md": b}, folder)
    assert (folder / "a.md").stat().st_mtime_ns == before
    assert (folder / "deep" / "b.md").read_text() == "changed"
    assert build_book.assemble({"a.md": a}, folder)
    assert not (folder / "deep" / "b.md").exists()


def test_a_failed_build_leaves_the_last_good_pages(book: Path, fake: Fake, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fake("good")
    index = build_book.build(book, [tmp_path / "notebooks"], out)
    copy = (out / "source" / "intro.md").absolute()
    fake("bad", log=f"reading\n{copy}:1: WARNING: wrong\n", good=False)
    with pytest.raises(build_book.BookError) as failure:
        build_book.build(book, [tmp_path / "notebooks"], out)
    first = str(failure.value).splitlines()[0]
    assert first.endswith("book/intro.md:1: WARNING: wrong")
    assert index.read_text() == "good"
    assert not (out / "_build" / ".doctrees").exists()  # the next build warns again
    fake("better")
    assert build_book.build(book, [tmp_path / "notebooks"], out).read_text() == "better"
    assert sorted(path.name for path in out.iterdir()) == ["_build", "build.log", "html", "source"]


def test_a_failure_without_a_warning_shows_the_end_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("\n".join(f"line {i}" for i in range(100)))
    lines = build_book.complaint(log, {}).splitlines()
    assert lines[0] == "line 80"
    assert lines[-1] == f"The book was not built; see {log}"


# Links to pictures


def test_a_link_to_a_picture_leads_to_the_last_one_before_it() -> None:
    link = '<a class="picture-file" download="fig2">picture</a>'
    body = f'<img alt="x" src="_images/a.png"><p><img src="_images/b.svg"></p><p>{link}, more</p>'
    found = linked(body)
    assert '<a class="picture-file" download="fig2.svg" href="_images/b.svg">fig2.svg</a>' in found
    assert found.startswith('<img alt="x" src="_images/a.png">')


def test_a_link_without_a_picture_goes() -> None:
    link = '<a class="picture-file" download="fig2">picture</a>'
    assert linked(f"<p>Files: {link}, more.</p>") == "<p>Files: more.</p>"
