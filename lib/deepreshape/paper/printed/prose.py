"""Numbers in the paper's prose and inside its figures, computed.

Each is found by its place (section and claim; figure, panel and item). A ratio in prose is taken of
the printed values that it divides, since those are compared on their own; `~` in a comment names
them. Claims that need training, or say `about`, are not here.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from deepreshape.design import cost, parse
from deepreshape.design.equalize import by_depth, by_width
from deepreshape.paper.printed.counts import count, difference, shares
from deepreshape.paper.printed.tables import row, table
from deepreshape.private.latency import latency

Value = float | str
Formula = Callable[[], Value]
KEYS = {"text_claims": ("section", "claim"), "figures": ("figure", "panel", "item")}


def values(name: str) -> Iterator[tuple[int, str, Value]]:
    """Every number of the prose (`text_claims`) or of the figures (`figures`) with a formula."""
    for number, cells in enumerate(table(name), start=1):
        formula = FORMULAS.get(" | ".join(cells[key] for key in KEYS[name]))
        if formula is not None:
            yield number, "value", formula()


def cell(place: str) -> float:
    """A printed number of a table, by its place: `table03 2 flops_M`, rows from 1."""
    name, number, column = place.split()
    return float(table(name)[int(number) - 1][column])


def _ratio(one: str, other: str, of: Callable[[str], float] = cell) -> Formula:
    """How many times as large one printed number is as another, or the counts `of` a network as
    those of another."""
    return lambda: of(one) / of(other)


def _flops(name: str) -> float:
    return count(parse(name), "flops_M")


def _relus(name: str) -> float:
    return count(parse(name), "relus_K")


def _stage1(name: str) -> float:
    return shares(parse(name))[0]


def _channels(name: str) -> str:
    return ";".join(map(str, parse(name).widths))


def _listed(numbers: Iterable[float], digits: int) -> str:
    return ";".join(f"{number:.{digits}f}" for number in numbers)


ORDER, ALTERED = (3, 2, 4, 1), (3, 4, 2, 1)
R18, R34 = (2, 2, 2, 2), (3, 4, 6, 3)


def _names(depths: tuple[int, ...], order: tuple[int, ...]) -> str:
    found = by_width(depths, order, "paper").solutions
    return " | ".join("x".join(map(str, solution.factors)) + "x" for solution in found)


def _pairs() -> str:
    """Section 4.1: each pair (beta, gamma) with the smallest alpha."""
    found = sorted(
        solution.factors[1:] + solution.factors[:1]
        for solution in by_width(R18, ORDER, "paper").solutions
    )
    return " | ".join(f"({beta};{gamma})&{alpha}" for beta, gamma, alpha in found)


def _depths() -> str:
    found = by_depth(ORDER).solutions
    return " | ".join(f"({';'.join(map(str, solution.depths))})" for solution in found)


DROPPED = {
    "WRN-22x8": "WRN22x8",
    "ResNet18": "ResNet18",
    "ResNet34": "ResNet34",
    "4x4x4x": "ResNet18(m=16)-4x4x4x",
}
"""The networks of Figure 19."""


def critical_dropped(name: str, left_k: float = 25) -> float:
    """Figure 19: the share of all ReLUs that must be dropped from stages 2 and later, once stage 1
    is gone, to leave 25 thousand."""
    return 100 - _stage1(name) - 100 * left_k / _relus(name)


def _pool() -> float:
    """Appendix F: the ReLUs of HRN-5x7x2x without its stem, in thousands."""
    return sum(cost(parse("HRN-5x7x2x")).relus[1:]) / 1000


_HRNS = ("HRN-6x6x2x", "HRN-4x6x2x", "HRN-2x6x2x")


def _reuse_drop() -> float:
    """Section 5: the drop from N = 2 to 4, the mean of the columns without and with reuse."""
    two, four = (row("table09", reduction_factor_N=factor) for factor in ("2", "4"))
    columns = ("acc_N_divisions_without_reuse_pct", "acc_N_divisions_with_reuse_pct")
    return sum(difference(two[column], four[column]) for column in columns) / 2


FORMULAS: dict[str, Formula] = {
    "3.1 | 5x5x5x to 5x5x3x FLOPs reduction": _ratio("ResNet18(m=16)-5x5x5x", "HRN-5x5x3x", _flops),
    "3.2 | WRN22x8 / ResNet18 FLOPs": _ratio("table03 3 flops_M", "table03 2 flops_M"),
    "3.2 | VGG16 / ResNet32 FLOPs": _ratio("table03 4 flops_M", "table03 1 flops_M"),
    "3.2 | Stage1 share 2x2x2x(m=32)": partial(_stage1, "ResNet18(m=32)"),
    "3.2 | 3x7x2x vs 4x4x4x fewer FLOPs": lambda: (
        100 - 100 * _flops("HRN-3x7x2x") / _flops("ResNet18(m=16)-4x4x4x")
    ),
    "3.2 | Stage1 share WRN22x8": partial(_stage1, "WRN22x8"),
    "3.2 | Stage1 share ResNet18": partial(_stage1, "ResNet18"),
    "3.2 | Stage1 share WRN22x4": partial(_stage1, "WRN22x4"),
    "3.2 | Stage1 share WRN16x8": partial(_stage1, "WRN16x8"),
    "3.2 | WRN22x8 ReLUs": partial(_relus, "WRN22x8"),
    "3.2 | ResNet18 ReLUs": partial(_relus, "ResNet18"),
    "4.1 | (beta;gamma)&alpha_min": _pairs,
    "C | altered order networks": lambda: _names(R18, ALTERED),
    "5 | ResNet34 networks": lambda: _names(R34, ORDER),
    "D | depth solutions": _depths,
    "D | global depth": lambda: ";".join(
        str(sum(solution.depths)) for solution in by_depth(ORDER, "paper").solutions
    ),
    "5 | HRN-2x5x3x(m=8) vs HRN-5x5x3x(m=16) FLOPs": _ratio(
        "table06 1 flops_M", "table06 4 flops_M"
    ),
    "5 | RegNet ReLUs at 78.26%": partial(_relus, "RegNetX-200MF"),
    "5 | RegNet ReLUs at 80.63%": partial(_relus, "RegNetX-1.6GF"),
    "5 | HRN-5x5x3x ReLUs (m=16)": partial(_relus, "HRN-5x5x3x(m=16)"),
    "5 | HRN-5x5x3x ReLUs (m=64)": partial(_relus, "HRN-5x5x3x(m=64)"),
    "5 | ReLU reduction vs RegNet (first)": _ratio("RegNetX-200MF", "HRN-5x5x3x(m=16)", _relus),
    "5 | ReLU reduction vs RegNet (second)": _ratio("RegNetX-1.6GF", "HRN-5x5x3x(m=64)", _relus),
    "5 | ResNet34 TinyImageNet SNL FLOPs": partial(_flops, "ResNet34@64/200"),
    "5 | fewer FLOPs": _ratio("table08 9 sota_flops_M", "table08 9 hrn_flops_M"),
    "5 | runtime improvement": _ratio("table08 9 sota_lat_s", "table08 9 hrn_lat_s"),
    "5 | accuracy drop from N=2 to N=4 (Table 9)": _reuse_drop,
    # ~ SENet's 240K and 79.81 % against HRN-2x5x3x(m=32)
    "1 | ReLU reduction at iso-accuracy CIFAR-100": _ratio(
        "table07 2 sota_relus_K", "table06 2 relus_K"
    ),
    "1 | FLOPs reduction at iso-accuracy CIFAR-100": _ratio(
        "table07 2 sota_flops_M", "table06 2 flops_M"
    ),
    "1 | FLOPs reduction at iso-ReLU CIFAR-100": _ratio(
        "table07 5 sota_flops_M", "table06 4 flops_M"
    ),
    "1 | FLOPs reduction at iso-accuracy TinyImageNet": _ratio(
        "table07 9 sota_flops_M", "table13 4 flops_M"
    ),
    "abstract | runtime at iso-ReLU CIFAR-100": _ratio(
        "table07 5 sota_lat_s", "table07 5 hrn_lat_s"
    ),
    "abstract | runtime at iso-accuracy TinyImageNet": _ratio(
        "table07 9 sota_lat_s", "table07 9 hrn_lat_s"
    ),
    "E.1 | Stage1 shares HRN-6x6x2x; 4x6x2x; 2x6x2x": lambda: _listed(map(_stage1, _HRNS), 1),
    "E.2 | ReLUs HRN-6x6x2x; 4x6x2x; 2x6x2x": lambda: _listed(map(_relus, _HRNS), 1),
    "E.2 | Stage1 shares of the three HRNs in the same order": lambda: _listed(
        map(_stage1, _HRNS), 1
    ),
    "E.2 | WRN22x8; ResNet18 ReLUs": lambda: ";".join(
        f"{_relus(name):.{digits}f}" for name, digits in (("WRN22x8", 1), ("ResNet18", 0))
    ),
    "E.2 | Stage1 shares of the two in the same order": lambda: _listed(
        map(_stage1, ("WRN22x8", "ResNet18")), 1
    ),
    "E.2 | ResNet34 / 4x4x4x ReLUs": _ratio("ResNet34", "ResNet18(m=16)-4x4x4x", _relus),
    "F | HRN-5x7x2x initial ReLU pool": _pool,
    "F | ReLUs eliminated": lambda: _pool() - 50,
    "F | pool after Thinning": lambda: _pool() / 2,
    "F | ReLUs dropped after Thinning": lambda: _pool() / 2 - 50,
    "G | HRN-2x6x3x Re2=4 FLOPs; baseline FLOPs": lambda: _listed(
        [_flops("R34-HRN-2x6x3x-C1-T234-Re4"), _flops("R34-HRN-2x6x3x")], 1
    ),
    "H.5 | ConvNeXt-V2 channels T;N;P;F;A (base m)": lambda: _listed(
        [parse(f"ConvNeXt-{variant}").stem for variant in "TNPFA"], 0
    ),
    "1 | GC storage per ReLU": lambda: (
        latency(parse("ResNet18")).client_bytes / (1024 * cost(parse("ResNet18")).total_relus)
    ),
    "1 | b | FLOPs reduction at 25K ReLUs": _ratio("table07 5 sota_flops_M", "table06 4 flops_M"),
    "1 | b | FLOPs reduction at 163K ReLUs": _ratio(
        "table07 1 sota_flops_M", "table07 1 hrn_flops_M"
    ),
    "1 | b | accuracy gain label": lambda: difference(
        table("table07")[4]["hrn_acc_pct"], table("table07")[4]["sota_acc_pct"]
    ),
    "4 | b | FLOPs reduction label": _ratio("ResNet18(m=16)-5x5x5x", "HRN-5x5x3x", _flops),
    "4 | c | FLOPs reduction label": _ratio(
        "ResNet18(m=16)-5x5x5x-T1234", "HRN-5x5x3x-T1234", _flops
    ),
    "10 | input | stagewise channels": partial(_channels, "ResNet18"),
    "10 | equalized | stagewise channels": partial(_channels, "HRN-5x5x3x"),
    "10 | alpha=2 | stagewise channels": partial(_channels, "HRN-2x5x3x"),
    **{
        f"19 |  | {label} non-critical ReLUs dropped": partial(_stage1, name)
        for label, name in DROPPED.items()
    },
    **{
        f"19 |  | {label} critical ReLUs dropped": partial(critical_dropped, name)
        for label, name in DROPPED.items()
    },
    "21 | b (text H.5) | ResNet34 Stage3 share": lambda: shares(parse("ResNet34"))[2],
    "21 | b (text H.5) | ConvNeXt-T Stage3 share": lambda: shares(parse("ConvNeXt-T"))[2],
    "21 | b (text H.5) | ConvNeXt-N Stage3 share": lambda: shares(parse("ConvNeXt-N"))[2],
}
