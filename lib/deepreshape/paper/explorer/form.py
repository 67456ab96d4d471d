"""The explorer's controls, as HTML: a label and an element for each of the `Settings`."""

from collections.abc import Iterable, Mapping
from html import escape

from deepreshape.paper.explorer.settings import FAMILIES, HYBRENET, ORDERS, Settings
from deepreshape.paper.explorer.view import order_of

MOST_STAGES = 7
"""Of a family: MobileNetV2 has so many."""
BEGIN = Settings()
SLIDERS: Mapping[str, tuple[str, int, int, int]] = {
    "m": ("base channels m", 4, 128, 4),
    "alpha": ("α, stage 2 to stage 1", 1, 8, 1),
    "beta": ("β, stage 3 to stage 2", 1, 8, 1),
    "gamma": ("γ, stage 4 to stage 3", 1, 8, 1),
    **{f"phi{k}": (f"ϕ{k}, blocks of stage {k}", 1, 12, 1) for k in range(1, 5)},
}
"""The label, the least, the most and the step of each."""


def form() -> str:
    """The whole form. It is of use to scripts alone, so one of them has to enable it."""
    networks = _select("family", "family", FAMILIES, BEGIN.family, _usual)
    sliders = "".join(map(_slider, SLIDERS))
    sizes = {str(side): f"{side} x {side}" for side in (16, 32, 48, 64, 96, 128, 224)}
    task = _select("input", "input in pixels", sizes, str(BEGIN.input)) + _box(
        "classes",
        '<label for="ex-classes">classes</label><input type="number" id="ex-classes"'
        f' name="classes" min="2" max="10000" value="{BEGIN.classes}">',
    )
    factors = {"1": "none", **{str(factor): f"N = {factor}" for factor in (2, 4, 8, 16)}}
    edits = (
        _stages("cull", "cull: stages without ReLUs")
        + _stages("thin", "thin: stages with every second ReLU")
        + _select("reuse", "ReLU-reuse", factors, "1")
    )
    orders = {",".join(map(str, order)): order_of(order) for order in ORDERS}
    order = _select("order", "criticality, most first", orders, ",".join(map(str, BEGIN.order)))
    return (
        '<form class="ex-form" autocomplete="off"><fieldset class="ex-all" disabled>'
        '<legend class="ex-hidden">Settings of the network</legend>'
        + _group("Network", networks + sliders)
        + _group("Images", task)
        + _group("Fewer ReLUs", edits)
        + _group("Order of the stages", order)
        + '<p class="ex-buttons"><button type="button" class="ex-begin">Begin again</button></p>'
        "</fieldset></form>"
    )


def _usual(family: str) -> str:
    m = FAMILIES[family]
    return "" if m is None else f' data-m="{m}"'


def _group(legend: str, inner: str) -> str:
    return f'<fieldset class="ex-group"><legend>{legend}</legend>{inner}</fieldset>'


def _box(name: str, inner: str, more: str = "") -> str:
    return f'<div class="ex-control" data-name="{name}"{more}>{inner}</div>'


def _slider(name: str) -> str:
    label, least, most, step = SLIDERS[name]
    value = getattr(BEGIN, name) or FAMILIES[BEGIN.family]
    return _box(
        name,
        f'<label for="ex-{name}">{label}</label>'
        f'<input type="range" id="ex-{name}" name="{name}" min="{least}" max="{most}"'
        f' step="{step}" value="{value}"><output for="ex-{name}">{value}</output>',
        "" if name == "m" else f' data-only="{HYBRENET}"',
    )


def _select(
    name: str,
    label: str,
    choices: Mapping[str, str | int | None],
    chosen: str,
    more: object = None,
) -> str:
    options = "".join(
        f'<option value="{value}"{more(value) if callable(more) else ""}'
        f"{' selected' if value == chosen else ''}>"
        f"{escape(title if isinstance(title, str) else value)}</option>"
        for value, title in choices.items()
    )
    return _box(
        name,
        f'<label for="ex-{name}">{label}</label>'
        f'<select id="ex-{name}" name="{name}">{options}</select>',
    )


def _stages(name: str, legend: str) -> str:
    """A box to tick for each stage; those that a network lacks are hidden by the script."""
    return (
        f'<fieldset class="ex-control ex-stages" data-name="{name}"><legend>{legend}</legend>'
        + "".join(_tick(name, stage, len(BEGIN.depths)) for stage in range(1, MOST_STAGES + 1))
        + "</fieldset>"
    )


def _tick(name: str, stage: int, stages: int) -> str:
    hidden = "" if stage <= stages else " hidden"
    return (
        f'<label data-stage="{stage}"{hidden}><input type="checkbox" name="{name}"'
        f' value="{stage}"> S{stage}</label>'
    )


def table(points: Iterable[Mapping[str, str | float | bool]]) -> str:
    """The points of the plot as a table, for who does not see it."""
    columns = {
        "label": "network",
        "data": "data",
        "accuracy": "accuracy (%)",
        "relus": "ReLUs",
        "flops": "FLOPs (M)",
        "paper": "paper's model (s)",
        "lan": "LAN (s)",
        "wan": "WAN (s)",
    }
    head = "".join(f'<th scope="col">{title}</th>' for title in columns.values())
    rows = "".join(f"<tr>{_cells(point, columns)}</tr>" for point in points)
    return (
        '<div class="ex-scroll" tabindex="0" role="region" aria-label="The paper\'s networks">'
        "<table><caption>The networks of Tables 6 to 8: accuracy as printed, the rest computed"
        f"</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cells(point: Mapping[str, str | float | bool], columns: Iterable[str]) -> str:
    cells = []
    for name in columns:
        value = point[name]
        if name == "label":
            cells.append(f'<th scope="row">{escape(str(value))}</th>')
        elif isinstance(value, str):
            cells.append(f"<td>{escape(value)}</td>")
        else:
            number = value / 1e6 if name == "flops" else value
            text = f"{number:,}" if name in ("relus", "accuracy") else f"{number:,.1f}"
            cells.append(f"<td>{text}</td>")
    return "".join(cells)
