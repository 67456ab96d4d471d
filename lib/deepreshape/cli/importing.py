"""`runs import`: records of other machines."""

from pathlib import Path

import click

from deepreshape.cli.output import print_json
from deepreshape.learn.runs.importing import Brought, Fate, brought
from deepreshape.learn.runs.store import Store

SAID: dict[Fate, str] = {
    "new": "new",
    "known": "known before",
    "different": "different from the store's, which stay",
    "busy": "being made",
    "refused": "refused",
}


def import_(folder: Path, store: Path, as_json: bool) -> None:
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    if folder.resolve() == store.resolve():
        raise ValueError(f"{folder} is the store itself")
    found: dict[Fate, list[Brought]] = {fate: [] for fate in SAID}
    for each in brought(folder, Store(store)):
        found[each.fate].append(each)
        if each.why and not as_json:
            click.echo(f"{each.path}: {each.fate}, {each.why}", err=each.fate == "refused")
    if as_json:
        print_json(
            {
                fate: [{"key": each.path.stem, "why": each.why} for each in listed]
                for fate, listed in found.items()
            }
        )
    else:
        told = ", ".join(f"{len(found[fate])} {said}" for fate, said in SAID.items() if found[fate])
        click.echo(f"{store}: {told or 'nothing new, since ' + str(folder) + ' holds no records'}")
    if found["refused"]:
        files = sum(map(len, found.values()))
        raise RuntimeError(f"{len(found['refused'])} of {files} records of {folder} were refused")
