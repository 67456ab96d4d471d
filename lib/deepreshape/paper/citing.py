"""How to cite the paper and this edition: BibTeX, from CITATION.cff."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml

from deepreshape.places import ROOT


@lru_cache
def cited() -> Mapping[str, Any]:
    """What CITATION.cff says, of this edition and, as `preferred-citation`, of the paper."""
    found: Mapping[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    return found


def paper() -> str:
    """The paper's entry."""
    of = cited()["preferred-citation"]
    names = [f"{each['family-names']}, {each['given-names']}" for each in of["authors"]]
    fields = {
        "title": of["title"],
        "author": " and ".join(names),
        "journal": of["journal"],
        "year": of["year"],
        "url": of["url"],
    }
    return _entry("article", f"jha{of['year']}deepreshape", fields)


def edition() -> str:
    """This edition's, with its version."""
    of = cited()
    fields = {
        "title": of["title"],
        "author": " and ".join(f"{{{each['name']}}}" for each in of["authors"]),
        "version": of["version"],
        "note": f"{of['license']} licence",
    }
    return _entry("software", "deepreshape-edition", fields)


def _entry(kind: str, key: str, fields: Mapping[str, object]) -> str:
    wide = max(map(len, fields))
    lines = (f"  {name:{wide}} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"
