"""The page of the library's public names, as it is read from sources."""

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from book.extensions.api import Name, defined, described, paragraphs, public, signature

PACKAGE = '''
    """Hands.

    Public are, of the modules,

        pairs    Pair, Side
    """

    from tenfingers.waving import wave
'''
PAIRS = '''
    Side = Literal["left", "right"]
    """Which hand."""


    class Pair:
        """Two numbers.

        >>> Pair(1).total
        3
        """

        def __init__(self, left: int, right: int = 2) -> None: ...

        @property
        def total(self) -> int:
            """Of
            both."""

        @classmethod
        def read(cls, text: str) -> Pair: ...

        def _hidden(self) -> None: ...


    raise SystemExit("imported")
'''
WAVING = '''
    def wave():
        """Up and down."""
'''
PAIR = """
    ### Pair

    ```python
    from tenfingers.pairs import Pair

    Pair(left: int, right: int = 2)
    ```

    Two numbers.

    ```python
    >>> Pair(1).total
    3
    ```

    - `total: int`: Of both.
    - `read(text: str) -> Pair`
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One with a module that may not be imported."""
    folder = tmp_path / "tenfingers"
    folder.mkdir()
    for module, text in {"__init__": PACKAGE, "pairs": PAIRS, "waving": WAVING}.items():
        (folder / f"{module}.py").write_text(dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    return folder.name


def test_public_is_what_a_package_imports_and_what_its_docstring_lists(package: str) -> None:
    assert public(package) == [
        Name("wave", "tenfingers"),
        Name("Pair", "tenfingers.pairs"),
        Name("Side", "tenfingers.pairs"),
    ]


def test_a_class_is_shown_with_its_example_and_its_members(package: str) -> None:
    _, pair, _ = public(package)
    found = defined(pair.place, pair.name)
    assert "\n\n".join(described(pair, found)) == dedent(PAIR).strip()


def test_a_type_is_shown_with_what_is_said_behind_it(package: str) -> None:
    found = defined("tenfingers.pairs", "Side")
    assert (signature(found.node), found.said) == ("Side = Literal['left', 'right']", "Which hand.")


def test_an_imported_name_is_found_where_it_is_defined(package: str) -> None:
    found = defined("tenfingers", "wave")
    assert (found.module, found.said) == ("tenfingers.waving", "Up and down.")


def test_a_name_that_is_not_there_is_an_error(package: str) -> None:
    with pytest.raises(LookupError, match=r"tenfingers\.pairs has no Trio"):
        defined("tenfingers.pairs", "Trio")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("def f(a, b: int = 1, *, c: str) -> int: ...", "f(a, b: int = 1, *, c: str) -> int"),
        ("def f(*a: int, **b: str): ...", "f(*a: int, **b: str)"),
        ("class E(ValueError): ...", "E(ValueError)"),
        ("class P:\n    a: int\n    b: str = 'x'", "P(a: int, b: str = 'x')"),
        (
            f"def f(a: {'x' * 60}, b: {'y' * 20}): ...",
            f"f(\n    a: {'x' * 60},\n    b: {'y' * 20},\n)",
        ),
    ],
)
def test_a_signature_is_as_it_was_written(source: str, shown: str) -> None:
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    assert signature(node) == shown


def test_only_a_paragraph_that_is_an_example_is_fenced() -> None:
    assert list(paragraphs("One.\n\n>>> 1\n1\n\nTwo.")) == [
        "One.",
        "```python\n>>> 1\n1\n```",
        "Two.",
    ]
