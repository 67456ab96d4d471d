"""The first page: the paper's networks by accuracy and seconds, and what this edition has found.

python -m deepreshape.paper.front_page  # writes its picture where the README shows it
"""

import json
from hashlib import sha256
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from IPython.display import Markdown, display
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from deepreshape import __version__
from deepreshape.files import replacing
from deepreshape.paper import citing, status, status_tables
from deepreshape.paper.figures import pictures, theme
from deepreshape.paper.printed import protocols, tables
from deepreshape.paper.printed.entries import FREE, RUN
from deepreshape.paper.printed.protocols import LAN_WAY, PAPER, WAN_WAY
from deepreshape.paper.printed.verdicts import totals, verify
from deepreshape.places import DATA, ROOT
from deepreshape.private.measured import Measurements, Whole, read

PICTURE = ROOT / "book" / "pictures" / "front-page.svg"
"""The picture of the first page, as the README shows it."""
IMAGES = "CIFAR-100"
WAYS = {
    (PAPER, FREE): "As the paper has it: its model of the seconds",
    (LAN_WAY.name, RUN): "As run here: computing measured, 1 Gbit/s",
    (WAN_WAY.name, RUN): "As run here: computing measured, 100 Mbit/s",
    (WAN_WAY.name, FREE): "The same, if a removed ReLU cost nothing, as in the paper",
}
"""Whose seconds, with what garbled, and what the picture says of them."""
NETWORKS = {"HybReNets": "HybReNets", "others": "ResNets and WRN22x8 after SNL or SENet"}
"""The kinds of `protocols.points`, in words."""
SHIPPED = DATA / "models" / "cifar100.json"
"""The record of the network that this repository ships, trained and run as a whole."""
OURS = "trained here too, in {} epochs"


def points(record: Measurements) -> pd.DataFrame:
    """A row for each network of Tables 6 to 8 on CIFAR-100 and each of `WAYS`: panel, networks,
    seconds of a private inference, printed accuracy in percent, whether on the Pareto front. And of
    the network that is trained here, with its own accuracy and the seconds of whole inferences."""
    found = protocols.points(record)
    found = found[found["data"] == IMAGES]
    parts = [
        found[(found["by"] == by) & (found["garbled"] == count)].assign(panel=panel)
        for (by, count), panel in WAYS.items()
    ]
    printed = pd.concat(parts)
    printed["networks"] = printed["networks"].map(NETWORKS)
    joined = pd.concat([printed, shipped(record)], ignore_index=True)
    return joined[["panel", "networks", "label", "seconds", "accuracy (%)", "front"]]


def shipped(record: Measurements) -> pd.DataFrame:
    """The rows of the network that this repository ships, as `points` has them: the seconds of its
    whole inference, and those of its bytes at the bandwidth."""
    trained = json.loads(SHIPPED.read_text(encoding="utf-8"))["record"]
    name = trained["run"]["network"]
    took = record.wholes[Whole(LAN_WAY.packing, name)]
    links = {WAYS[way.name, RUN]: way.link for way in (LAN_WAY, WAN_WAY)}
    return pd.DataFrame(
        {
            "panel": panel,
            "networks": OURS.format(trained["run"]["recipe"]["epochs"]),
            "label": name,
            "seconds": took.offline_s + took.online_s + (link.seconds(took.bytes) if link else 0),
            "accuracy (%)": trained["test"],
            "front": False,
        }
        for panel, link in links.items()
    )


def picture(frame: pd.DataFrame) -> Figure:
    """A panel for each of `WAYS`, one under the other on the same axes; on the line is the Pareto
    front. frame: of `points`."""
    made = pictures.figure(7.2, 8.2, rows=len(WAYS))
    made.axes[0].sharex(made.axes[-1])
    names = list(dict.fromkeys(frame["networks"]))
    for axis, panel in zip(made.axes, WAYS.values(), strict=True):
        part = frame[frame["panel"] == panel]
        front = part[part["front"]].sort_values("seconds")
        axis.plot(front["seconds"], front["accuracy (%)"], color=theme.STEM, zorder=1)
        sns.scatterplot(
            part,
            x="seconds",
            y="accuracy (%)",
            hue="networks",
            hue_order=names,
            style="networks",
            style_order=names,
            palette=dict(zip(names, theme.COLOURS, strict=False)),
            markers=dict(zip(names, theme.MARKERS, strict=False)),
            s=42,
            ax=axis,
        )
        if legend := axis.get_legend():
            legend.remove()
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlim(0.8 * frame["seconds"].min(), 1.25 * frame["seconds"].max())
        axis.set_ylim(frame["accuracy (%)"].min() - 2, frame["accuracy (%)"].max() + 2)
        axis.set_title(panel, loc="left", fontsize=10)
        axis.set_xlabel("seconds for one private inference" * (axis is made.axes[-1]))
        axis.set_ylabel("accuracy (%)")
        pictures.finish(axis)
    pictures.legend_above(made)
    return made


def fronts(frame: pd.DataFrame) -> str:
    """Whose networks are on the Pareto fronts, in a sentence. frame: of `points`."""
    front = frame[frame["front"]]
    own = [set(part["networks"]) == {NETWORKS["HybReNets"]} for _, part in front.groupby("panel")]
    return (
        f"In {sum(own)} of the {len(own)} panels the line joins HybReNets alone: no other network"
        " is as accurate in as few seconds."
    )


# The scoreboard


def scoreboard(record: Measurements) -> pd.DataFrame:
    """What was checked, how much of it there is, what came out, and the page that has it all."""
    return pd.DataFrame(_rows(record), columns=["what", "number", "found", "page"])


def _rows(record: Measurements) -> list[tuple[str, int, str, str]]:
    return [_values(), _claims(), _gains(record), _seconds(record)]


def _values() -> tuple[str, int, str, str]:
    counted = totals(verdict for name in tables.TABLES for verdict in verify(name))
    found = (
        f"{counted['equal']:,} equal, {counted['equal when cut']} equal when cut,"
        f" {counted['within']} within a tolerance, {counted['differs']} differ"
    )
    return "printed numbers that need no training", sum(counted.values()), found, "errata"


def _claims() -> tuple[str, int, str, str]:
    found = status.evidence()
    pages = status_tables.counted(found)
    agree, disagree, undecided = (pages[name].sum() for name in ("agree", "disagree", "undecided"))
    said = (
        f"on {IMAGES} at a reduced scale {agree} agree, {disagree} disagree, {undecided} undecided;"
        f" {len(found) - pages['tested'].sum()} not tested. Of printed sizes"
        f" {status_tables.sizes(found)}"
    )
    return "claims about trained networks", len(found), said, "status"


def _gains(record: Measurements) -> tuple[str, int, str, str]:
    gains = protocols.gains(record)
    said = []
    for count in (RUN, FREE):
        for way in (LAN_WAY, WAN_WAY):
            verdicts = [gain.verdict(way, count) for gain in gains]
            hold, less, gone = map(verdicts.count, protocols.VERDICTS)
            said.append(f"{count}, {way.name} {hold} hold, {less} less, {gone} gone")
    return "printed gains in run time", len(gains), "; ".join(said), "protocols"


def _seconds(record: Measurements) -> tuple[str, int, str, str]:
    whole = len(record.wholes)
    said = f"{len(record.layers)} layers and {whole} whole inferences, {record.machine}, one thread"
    return "timings of private inference", len(record.layers) + whole, said, "table7"


def show_scoreboard(record: Measurements) -> None:
    """The scoreboard, each row with a link to its page."""
    rows = [
        f"* - **{what}**\n  - {number:,}\n  - {found}\n  - {{doc}}`{page}`"
        for what, number, found, page in _rows(record)
    ]
    head = "* -\n  - number\n  - what came out\n  - page"
    directive = ":::{list-table} What this edition has checked, from its data\n:header-rows: 1\n"
    display(Markdown("\n".join([directive, head, *rows, ":::"])))


def show_colophon() -> None:
    """The paper and its PDF, this edition's version and licence, and how to cite the paper."""
    cited = citing.cited()
    url = cited["preferred-citation"]["url"]
    pdf = url.replace("forum?", "pdf?")
    text = (
        f"The paper: [PDF]({pdf}), [reviews]({url}). This edition: version {__version__},"
        f" {cited['license']} licence; code and records are in the repository that this book is"
        " built from ({doc}`reproduce`)."
    )
    display(Markdown(text), Markdown(f"```bibtex\n{citing.paper()}\n```"))


# The README's copy


def digest(frame: pd.DataFrame) -> str:
    """Of what a picture shows, to four digits: the same on every machine."""
    text = frame.to_csv(index=False, float_format="%.4g")
    return sha256(text.encode()).hexdigest()


def write(path: Path = PICTURE) -> None:
    """Write the picture, with the digest of what it shows in its metadata."""
    frame = points(read())
    metadata = {"Date": None, "Description": digest(frame)}
    with mpl.rc_context({"svg.hashsalt": path.stem}), replacing(path) as whole:
        picture(frame).savefig(whole, format="svg", metadata=metadata)


if __name__ == "__main__":
    write()
