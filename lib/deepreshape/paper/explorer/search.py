"""The explorer's search: limits in, the designs that no other within them has more of, as HTML."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from math import inf
from shlex import quote
from typing import Any

from deepreshape import sizes
from deepreshape.design import Limits, Network, Space, Suggestion, Suggestions, suggest
from deepreshape.paper.explorer.settings import HYBRENET, Settings, read, written
from deepreshape.private.predicted import PROTOCOLS, timing

FIELDS: Mapping[str, tuple[str, str]] = {
    "max-relus": ("ReLUs at most", "100K"),
    "max-flops": ("FLOPs at most", "1G"),
    "max-latency": ("seconds at most", ""),
}
"""The texts to fill in, by the name of the option of `deepreshape suggest`: label and beginning."""
BEGIN = {**{name: text for name, (_, text) in FIELDS.items()}, "protocol": "ours-lan"}


@dataclass(frozen=True, slots=True)
class Asked:
    """settings: of the explorer, whose input, classes, depths and order are searched. texts: of
    `FIELDS`, and the protocol."""

    settings: Settings
    texts: Mapping[str, str]

    @property
    def space(self) -> Space:
        found = self.settings
        return Space(found.order, (found.depths,), found.input, found.classes)

    @property
    def limits(self) -> Limits:
        """Raises ValueError."""
        relus, flops, seconds = (self.texts.get(name, "").strip() for name in FIELDS)
        return Limits(
            sizes.count(relus) if relus else inf,
            sizes.count(flops) if flops else inf,
            sizes.seconds(seconds) if seconds else inf,
        )

    @property
    def command(self) -> str:
        """What searches the same in a terminal."""
        found = self.settings
        words = [f"--order {','.join(map(str, found.order))}"]
        words += (
            [f"--depths {','.join(map(str, found.depths))}"] if found.depths != (2,) * 4 else []
        )
        words += [f"--input {found.input}"] if found.input != 32 else []
        words += [f"--classes {found.classes}"] if found.classes != 100 else []
        words += [
            f"--{name} {quote(text)}"
            for name in FIELDS
            if (text := self.texts.get(name, "").strip())
        ]
        return f"deepreshape suggest {' '.join(words)} --protocol {self.texts['protocol']}"


def respond(settings: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, Any]:
    """What the page shows: `html` and a `summary` of it; or `error`, a line."""
    try:
        asked = Asked(read(settings), {**BEGIN, **texts})
        found = suggest(asked.space, asked.limits, timing(asked.texts["protocol"]))
    except ValueError as error:  # a DesignError is one
        return {"error": str(error)}
    return {"html": html(asked, found), "summary": summary(found)}


def respond_json(texts: str) -> str:
    """`respond` for the script of the page."""
    asked = json.loads(texts)
    return json.dumps(respond(asked["settings"], asked["limits"]))


def summary(found: Suggestions) -> str:
    """In a sentence or two."""
    counted = f"{found.searched:,} designs, {found.fitting:,} of them within the limits."
    if not found.front:
        return f"{counted} Ask for less, or allow more."
    return (
        f"{counted} Of these no other has as many ReLUs and as many MACs as the"
        f" {len(found.largest)} below; {len(found.front):,} are on the front, where others are"
        " faster."
    )


def html(asked: Asked, found: Suggestions) -> str:
    """The sentence, a table of the largest designs, and the command."""
    command = escape(asked.command)
    return (
        f"<p>{summary(found)}</p>{_table(asked, found) if found.front else ''}"
        f'<p class="sg-note">In a terminal, <code>{command} --all</code> lists the front.</p>'
    )


def _table(asked: Asked, found: Suggestions) -> str:
    title = PROTOCOLS[asked.texts["protocol"]].title
    columns = ("network", "ReLUs", "MACs (M)", "FLOPs (M)", "parameters (M)", "seconds", "")
    head = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in columns)
    rows = "".join(_row(asked.settings, each) for each in found.largest)
    return (
        '<div class="sg-scroll" tabindex="0" role="region" aria-label="Designs within the limits">'
        f"<table><caption>The largest designs within the limits; seconds by {title}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(settings: Settings, found: Suggestion) -> str:
    name = escape(found.network.name)
    numbers = [f"{found.relus:,}"]
    numbers += [f"{each / 1e6:,.2f}" for each in (found.macs, found.flops, found.params)]
    numbers.append(f"{found.seconds:,.1f}")
    cells = "".join(f"<td>{number}</td>" for number in numbers)
    texts = escape(json.dumps(written(set_to(settings, found.network))))
    return (
        f'<tr><th scope="row">{name}</th>{cells}<td><button type="button" class="sg-set"'
        f' data-texts="{texts}" aria-label="Set {name} above">Set</button></td></tr>'
    )


def set_to(settings: Settings, network: Network) -> Settings:
    """The explorer's settings of a design; the rest as it is."""
    m, *_ = widths = network.widths
    alpha, beta, gamma = (wide // narrow for narrow, wide in pairwise(widths))
    plan = network.relus
    return replace(
        settings,
        family=HYBRENET,
        m=None if m == 16 else m,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        cull=tuple(sorted(plan.culled)),
        thin=tuple(sorted(plan.thinned)),
        reuse=plan.reuse,
    )


def form() -> str:
    """What to fill in. It is of use to scripts alone, so one of them has to enable it."""
    fields = "".join(_field(*each) for each in FIELDS.items())
    options = "".join(
        f'<option value="{name}"{" selected" if name == BEGIN["protocol"] else ""}>'
        f"{escape(each.title)}</option>"
        for name, each in PROTOCOLS.items()
    )
    return (
        '<form class="sg-form" autocomplete="off"><fieldset disabled>'
        f'<legend class="ex-hidden">Limits of the search</legend>{fields}'
        '<p><label for="sg-protocol">seconds by</label>'
        f'<select id="sg-protocol" name="protocol">{options}</select></p>'
        '<p><button type="submit">Search</button></p></fieldset></form>'
    )


def _field(name: str, said: tuple[str, str]) -> str:
    label, text = said
    return (
        f'<p><label for="sg-{name}">{label}</label><input type="text" id="sg-{name}" name="{name}"'
        f' value="{text}" size="8" placeholder="any"></p>'
    )
