"""What came of private inference, as tables: classes, and where seconds and bytes went."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from deepreshape.cli.tables import new_table, table_of
from deepreshape.private import parties
from deepreshape.private.asking import Outcome
from deepreshape.private.sessions import Both

TOP = 5
"""Classes that are listed with an image, the likeliest first."""


def answers(names: Sequence[str], outcome: Outcome) -> list[dict[str, Any]]:
    """What came of each image that was finished: the class (of equal ones the first) and its name,
    and seconds. Where the server tells logits, also that of the class, how far it is ahead of the
    next, and the likeliest classes."""
    rows = []
    for found in parties.answers(outcome):
        row: dict[str, Any] = {"image": names[found.place]}
        if logits := found.logits:
            first, *rest = (logits[number] for number, _ in found.likely)
            likely = [named(*each) for each in found.likely[:TOP]]
            row |= {"logit": first, "ahead": first - rest[0] if rest else 0.0, "likely": likely}
        row |= {
            "class": found.number,
            "name": found.name,
            "offline": found.offline,
            "online": found.online,
        }
        rows.append(row)
    return rows


def named(number: int, name: str | None) -> str:
    """A class as it is shown: its number, and its name if it has one."""
    return str(number) if name is None else f"{number} {name}"


def answer_table(rows: list[dict[str, Any]]) -> Any:
    told = bool(rows) and "logit" in rows[0]
    logits = {"logit>": "{logit:.3f}", "ahead of the next>": "{ahead:.3f}"} if told else {}
    return table_of(
        rows,
        {
            "image": "{image}",
            "class>": lambda row: named(row["class"], row["name"]),
            **logits,
            "offline>": "{offline:.2f} s",
            "online>": "{online:.3f} s",
        },
    )


WORK = ("HE", "GC", "OT", "clear")
At = tuple[str, str]
"""A phase and a step."""


def account(both: Both) -> dict[At, dict[str, float]]:
    """Seconds of each side by kind of work, seconds that the client waited, and bytes, by phase and
    step."""
    account: dict[At, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for side, seconds in (("client", both.outcome.client), ("server", both.server)):
        for spent, value in seconds.items():
            account[spent.phase, spent.step][f"{side} {spent.work}"] += value
    for at, tally in both.outcome.traffic.tallies.items():
        mine = account[at.phase, at.step]
        mine["wire"] += tally.seconds
        mine["up"] += tally.sent
        mine["down"] += tally.received
        mine["rounds"] += tally.rounds
    return account


def phases(both: Both, images: int) -> Any:
    """The account of a session by phase; offline and online for each image."""
    spent = account(both)
    totals: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (phase, _), mine in spent.items():
        for name, value in mine.items():
            totals[phase][name] += value / (images if phase in ("offline", "online") else 1)
    phases = [phase for phase in ("handshake", "setup", "offline", "online") if phase in totals]
    table = new_table("", *(f"{_once(phase)}>" for phase in phases))
    for name in [f"{side} {work}" for side in ("client", "server") for work in WORK] + ["wire"]:
        if any(totals[phase][name] for phase in phases):
            shown = "waiting and wire" if name == "wire" else name
            table.add_row(shown, *(f"{totals[phase][name]:.3f} s" for phase in phases))
    for name in ("up", "down"):
        table.add_row(f"MB {name}", *(f"{totals[phase][name] / 1e6:.2f}" for phase in phases))
    table.add_row("rounds", *(f"{totals[phase]['rounds']:.0f}" for phase in phases))
    return table


def _once(phase: str) -> str:
    return f"{phase}, an image" if phase in ("offline", "online") else f"{phase}, once"


def by_layer(both: Both, images: int) -> Any:
    """The account of each step of both phases, for each image: both sides' seconds and bytes."""
    table = new_table("phase", "step", *(f"{work}>" for work in WORK), "MB up>", "MB down>")
    for (phase, step), mine in account(both).items():
        if phase not in ("offline", "online"):
            continue
        seconds = [(mine[f"client {work}"] + mine[f"server {work}"]) / images for work in WORK]
        cells = [f"{value:.3f} s" if value else "" for value in seconds]
        mega = [f"{mine[way] / images / 1e6:.2f}" for way in ("up", "down")]
        table.add_row(phase, step, *cells, *mega)
    return table
