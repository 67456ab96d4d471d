"""Every page on a desk's screen."""

from pathlib import Path

import pytest

from tests.browser.audit import EVERY, findings
from tests.browser.visits import WIDE, Opener


@pytest.mark.parametrize("name", [*EVERY, "search", "genindex"])
def test_nothing_is_wrong_with_the_page(open_page: Opener, html: Path, name: str) -> None:
    assert findings(open_page, name, WIDE, html) == []
