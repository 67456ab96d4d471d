"""The book's page on citing shows the entries that follow from CITATION.cff."""

import re
import subprocess
from datetime import UTC, date, datetime

from deepreshape import __version__
from deepreshape.paper import citing
from deepreshape.places import ROOT


def test_the_page_has_both_entries_as_they_are() -> None:
    page = (ROOT / "book" / "citing.md").read_text(encoding="utf-8")
    assert re.findall(r"```bibtex\n(.*?)\n```", page, re.S) == [citing.paper(), citing.edition()]


def test_an_archive_finds_all_that_it_asks_for() -> None:
    of = citing.cited()
    asked = {"title", "abstract", "authors", "version", "date-released", "license", "keywords"}
    assert asked <= {name for name, value in of.items() if value}
    assert date.fromisoformat(of["date-released"]) <= datetime.now(UTC).date()


def test_a_version_has_its_heading_among_the_changes() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {__version__}\n" in changes


def test_a_tag_of_this_commit_is_the_version() -> None:
    """Where git is not there, or no tag, nothing else is named."""
    git = ["git", "-C", str(ROOT), "tag", "--points-at", "HEAD"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    versions = [tag for tag in done.stdout.split() if tag.startswith("v")]
    assert set(versions) <= {f"v{__version__}"}


def test_the_edition_is_of_this_version() -> None:
    assert citing.cited()["version"] == __version__
