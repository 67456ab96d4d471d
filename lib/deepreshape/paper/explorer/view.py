"""An answer as the page shows it: HTML, a sentence, and what the plot needs. Texts in, JSON out."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from deepreshape.design import DesignError
from deepreshape.paper.explorer.answers import MODELS, Answer, Equalized, Seconds, answer, best
from deepreshape.paper.explorer.settings import read, written


def respond(texts: Mapping[str, str]) -> dict[str, Any]:
    """What the page shows of settings: `html`, `summary`, `stages`, `mine` for the plot, and
    `texts`, the settings that are not as they begin; or `error`, a line."""
    try:
        settings = read(texts)
        found = answer(settings)
    except DesignError as error:
        return {"error": str(error)}
    return {
        "html": html(found),
        "summary": summary(found),
        "stages": len(found.network.stages),
        "mine": _point(found),
        "texts": written(settings),
    }


def respond_json(texts: str) -> str:
    """`respond` for the script of the page."""
    return json.dumps(respond(json.loads(texts)))


def _point(found: Answer) -> dict[str, str | float | bool | None]:
    by_model = {each.model: each.most for each in found.seconds}
    seconds = dict(zip(("paper", "lan", "wan"), map(by_model.get, MODELS), strict=True))
    return {
        "label": found.network.name,
        "data": found.data,
        "relus": found.cost.total_relus,
        "flops": found.flops,
        "counted": found.counted,
        **seconds,
    }


def summary(found: Answer) -> str:
    """In a few sentences what the page shows, for who does not see it."""
    counted = found.cost
    parts = [
        f"{found.network.name} has {counted.total_relus:,} ReLUs,"
        f" {found.flops / 1e6:,.0f} million FLOPs and {counted.params / 1e6:,.1f} million"
        " parameters."
    ]
    if found.equalized:
        word = "is" if found.equalized.holds else "is not"
        parts.append(f"It {word} equalized in the order {order_of(found.equalized.order)}.")
    times = ", ".join(f"{_seconds(each.most)} s by {each.model}" for each in found.seconds)
    parts.append(f"A private inference takes {times}.".replace("by ours", "by ours,"))
    if found.data:
        parts.append(_comparison(found.data, counted.total_relus))
    return " ".join(parts)


def _comparison(data: str, relus: int) -> str:
    other = best(data, relus)
    if other is None:
        return f"None of the paper's networks on {data} has so few ReLUs."
    return (
        f"Of the paper's networks on {data} with no more ReLUs the most accurate is"
        f" {other.label} ({other.accuracy} %)."
    )


def html(found: Answer) -> str:
    """The counts, the bars, the inequality, the seconds and the commands."""
    return "".join(
        [
            f'<p class="ex-name">{escape(found.network.name)}, input {found.network.resolution} x'
            f" {found.network.resolution}, {found.network.classes:,} classes</p>",
            _counts(found),
            _bars(found),
            _inequality(found.equalized) if found.equalized else _no_inequality(found),
            _seconds_table(found),
            _commands(found.settings.commands),
        ]
    )


def _counts(found: Answer) -> str:
    counted, elements = found.cost, {"A": "5", "B": "2"}[found.convention]
    rows = {
        "ReLUs": f"{counted.total_relus:,}",
        f"FLOPs (MACs and {elements} for each BatchNorm element)": f"{found.flops / 1e6:,.1f} M",
        "MACs": f"{counted.macs / 1e6:,.1f} M",
        "parameters": f"{counted.params / 1e6:,.2f} M",
    }
    body = "".join(
        f'<tr><th scope="row">{name}</th><td>{text}</td></tr>' for name, text in rows.items()
    )
    return f"<table><caption>Counts for one image</caption><tbody>{body}</tbody></table>"


def _bars(found: Answer) -> str:
    relus, order = found.cost.stage_relus, found.settings.order
    ordered = len(order) == len(relus)
    listed = order if ordered else range(1, len(relus) + 1)
    how = "from the most to the least critical" if ordered else "in the network's order"
    items = "".join(_bar(stage, relus, found.cost.relus[0]) for stage in listed)
    return f'<p class="ex-caption">ReLUs by stage, {how}</p><ol class="ex-bars">{items}</ol>'


def _bar(stage: int, relus: Sequence[int], stem: int) -> str:
    """A stage's bar and number; of the first the stem's ReLUs are a bar of their own."""
    count, most, total = relus[stage - 1], max(1, *relus), max(1, sum(relus))
    parts = [count - stem, stem] if stage == 1 else [count]
    bars = "".join(
        f'<span class="ex-bar{" ex-stem" * number}" style="width:{50 * part / most:.2f}%"></span>'
        for number, part in enumerate(parts)
    )
    note = f", {stem:,} in the stem" if stage == 1 and stem else ""
    return f"<li><span>S{stage}</span>{bars}<span>{count:,} ({count / total:.0%}{note})</span></li>"


def order_of(order: Iterable[int]) -> str:
    return " > ".join(f"S{stage}" for stage in order)


def _inequality(found: Equalized) -> str:
    numbers = f"{float(found.counts[0]):.4g}"
    for count, falls in zip(found.counts[1:], found.falls, strict=True):
        sign = "&gt;" if falls else '<strong class="ex-wrong">≤</strong>'
        numbers += f" {sign} {float(count):.4g}"
    if found.holds:
        verdict = "<strong>It holds</strong>: the network is equalized."
    else:
        verdict = f"<strong>It does not hold</strong>: {', '.join(_faults(found))}."
    return (
        '<p class="ex-caption">ReLU equalization, without the stem, before any ReLU is removed</p>'
        f'<p class="ex-inequality">{escape(found.letters)}<br>{numbers}<br>{verdict}</p>'
    )


def _faults(found: Equalized) -> Iterator[str]:
    for (more, less), falls in zip(pairwise(found.order), found.falls, strict=True):
        if not falls:
            yield f"stage {more} has no more ReLUs than stage {less}"


def _no_inequality(found: Answer) -> str:
    stages = len(found.network.stages)
    return (
        '<p class="ex-inequality">ReLU equalization orders four stages of basic blocks;'
        f" this network has {stages} stages{'' if stages != 4 else ' of other blocks'}.</p>"
    )


def _seconds_table(found: Answer) -> str:
    heads = ("HE", "GC", "wire", "together", "with truncations")
    head = "".join(f'<th scope="col">{name}</th>' for name in ("cost model", *heads))
    rows = "".join(_row(each, found.counted) for each in found.seconds)
    unknown = f"<p>{MODELS[0]}: {escape(found.unknown)}.</p>" if found.unknown else ""
    return (
        '<div class="ex-scroll" tabindex="0" role="region" aria-label="Seconds"><table>'
        "<caption>Seconds of one private inference</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{unknown}"
        f'<p class="ex-note">{found.timed:.0%} of our HE is of layers that were timed, the rest is'
        " estimated from them.</p>"
    )


def _row(each: Seconds, counted: bool) -> str:
    wire = "" if each.wire is None else _seconds(each.wire)
    most = "" if each.truncated is None else _seconds(each.truncated)
    most = most if counted or not most else f"about {most}"
    cells = (_seconds(each.he), _seconds(each.gc), wire, _seconds(each.together), most)
    columns = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{each.model}</th>{columns}</tr>'


def _seconds(number: float) -> str:
    return (
        f"{number:,.0f}" if number >= 100 else f"{number:,.1f}" if number >= 10 else f"{number:.2f}"
    )


def _commands(commands: Iterable[str]) -> str:
    lines = "".join(
        f"<li><code>{escape(command)}</code>"
        f'<button type="button" class="ex-copy" data-text="{escape(command)}"'
        f' aria-label="Copy {escape(command.split()[1])} command">Copy</button></li>'
        for command in commands
    )
    return f'<p class="ex-caption">In a terminal</p><ul class="ex-commands">{lines}</ul>'
