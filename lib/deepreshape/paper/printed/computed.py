"""What the paper's tables print and no training is needed for, computed.

A function for each table yields (row, column, value), the value in the unit of the column. Values
come from the network of a row (`networks.csv`), from the latency model, or, where the paper
subtracts or divides, from the values that it prints.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import sympy

from deepreshape.design import cost, layers, parse
from deepreshape.design.architectures import DEPTHS, basic
from deepreshape.design.cost import layer_macs
from deepreshape.design.criticality import criticality
from deepreshape.paper.printed import latencies, prose
from deepreshape.paper.printed.counts import count, difference, shares
from deepreshape.paper.printed.tables import by_stage, network, networks, rows, table, with_networks

Value = float | str
Values = Iterator[tuple[int, str, Value]]


def values(name: str) -> Values:
    """Every value of a table that can be computed, row by row."""
    return _TABLES[name](name)


# Formulas: Tables 1 and 2, and the head of Table 15

_M, _K, _F, _D = sympy.symbols("m k f d_k")
FACTORS = sympy.symbols("alpha beta gamma")
_SYMBOLS = {str(symbol): symbol for symbol in (_M, _K, _F, _D, *FACTORS)}


def _widths(m: Any, factors: Any) -> Any:
    return basic(m, factors, DEPTHS["18"]).widths


def _formula(text: str, expression: Any) -> str:
    """The printed formula where it equals the computed one, else the computed one."""
    written = re.sub(r"(\d)([a-z])", r"\1*\2", text.replace("^", "**"))
    same = sympy.simplify(sympy.sympify(written, _SYMBOLS) - expression) == 0
    return text if same else str(expression)


def _table01(name: str) -> Values:
    """An f x f convolution of c channels has c f^2 MACs for each ReLU, and c f^2 / d^2 weights on
    maps of side d. The printed d_k is the side in stage 1."""
    for number, row in rows(name).items():
        for stage, width in enumerate(_widths(_M, FACTORS)):
            maps = (_D / 2**stage) ** 2 if row["quantity"] == "params_per_relu" else 1
            column = f"stage{stage + 1}"
            yield number, column, _formula(row[column], width * _F**2 / maps)


def _table02(name: str) -> Values:
    """Homogeneous scaling is written out for a factor of 4."""
    scaling = {
        "Uniform": (_M * _K, (2, 2, 2)),
        "Homogeneous": (_M, (4, 4, 4)),
        "Heterogeneous": (_M, FACTORS),
    }
    cell = re.compile(r"\[3x3 (.+); 3x3 \1\] x phi(\d)")
    for number, row in rows(name).items():
        for stage, width in enumerate(_widths(*scaling[row["channel_scaling"]]), start=1):
            if text := row[f"stage{stage}"]:
                found = cell.fullmatch(text)
                same = found and found[2] == str(stage) and _formula(found[1], width) == found[1]
                computed_cell = f"[3x3 {width}; 3x3 {width}] x phi{stage}"
                yield number, f"stage{stage}", text if same else computed_cell


def _table15_formulas(name: str) -> Values:
    """Stages relative to stage 1: FLOPs as squared widths over squared strides, ReLUs as widths
    over squared strides."""
    for number, row in rows(name).items():
        for stage, width in enumerate(_widths(1, FACTORS)):
            power = 2 if row["quantity"] == "FLOPs" else 1
            column = f"stage{stage + 1}"
            yield number, column, _formula(row[column], width**power / sympy.Integer(4) ** stage)


def _table15(name: str) -> Values:
    """A block's second convolution and its ReLUs in each stage, 64 in stage 1."""
    for number, row in rows(name).items():
        written = row["alpha_beta_gamma_or_network"]
        factors = "x".join(re.findall(r"\d", written))
        widened = parse(f"ResNet18(m=16)-{factors}")
        listed = {layer.name: layer for layer in layers(widened)}
        macs = [layer_macs(listed[f"stage{stage}/block2/conv2"]) for stage in range(1, 5)]
        relus = cost(widened).relus[1:]
        for stage in range(4):
            yield number, f"stage{stage + 1}_flops_normalized", 64 * macs[stage] / macs[0]
            yield number, f"stage{stage + 1}_relus_normalized", 64 * relus[stage] / relus[0]


# Counts


def _counts(name: str) -> Values:
    """Tables 3, 4, 6, 9, 13, 14: ReLUs, FLOPs, their shares by stage, and percent of accuracy for
    each thousand ReLUs."""
    for number, row in rows(name).items():
        counted = network(name, number)
        for column in ("relus_K", "flops_M"):
            if column in row:
                yield number, column, count(counted, column)
        if "stage1_relu_pct" in row:
            for stage, share in enumerate(shares(counted), start=1):
                yield number, f"stage{stage}_relu_pct", share
        if "acc_dkd_pct" in row:
            # Table 14 divides by the counts that it prints, Tables 6 and 13 by the exact ones.
            exact = count(counted, "relus_K")
            relus = float(row["relus_K"]) if name == "table14" else exact
            yield number, "acc_per_relu_pct_per_K", float(row["acc_dkd_pct"]) / relus


def _table05(name: str) -> Values:
    """The networks' ReLUs, and what Thinning gains: the difference of two printed accuracies."""
    printed = table(name)
    for number, row in rows(name).items():
        yield number, "baseline_relus_K", count(network(name, number), "relus_K")
        if row["variant"] == "delta":
            vanilla, thinned = printed[number - 3], printed[number - 2]
            for column in (column for column in row if column.startswith("acc_")):
                yield number, column, difference(thinned[column], vanilla[column])


def criticalities(name: str) -> list[tuple[float, ...]]:
    """C_k of the four stages of each row of Table 10 or 11, from the printed accuracies with KD."""
    columns = by_stage("acc_kd_pct")
    return [
        criticality(cost(listed).stage_relus, [float(row[column]) for column in columns])
        for row, listed in with_networks(name)
    ]


def _criticality(name: str) -> Values:
    """Tables 10 and 11: ReLUs of each stage and C_k."""
    for number, critical in enumerate(criticalities(name), start=1):
        relus = cost(network(name, number)).stage_relus
        for stage in range(1, 5):
            yield number, f"stage{stage}_relus_K", relus[stage - 1] / 1000
            yield number, f"stage{stage}_Ck", critical[stage - 1]


def _table12(name: str) -> Values:
    for number, listed in networks(name).items():
        yield number, "relus_K", count(listed, "relus_K")
        yield number, "stage1_relu_pct", shares(listed)[0]


def _architectures(name: str) -> Values:
    """Tables 16 and 17: channels, blocks, the map before the fully connected layer, counts."""
    for number, listed in networks(name).items():
        yield number, "stem_channels", listed.stem
        for stage, built in enumerate(listed.stages, start=1):
            yield number, f"stage{stage}_channels", built.width
            yield number, f"stage{stage}_blocks", built.depth
        channels, side, _ = layers(listed)[-3].shape
        yield number, "fc_printed", f"[{side}x{side};{channels}]"
        for column in ("flops_M", "relus_K"):
            yield number, column, count(listed, column)


_TABLES: dict[str, Callable[[str], Values]] = {
    "table01": _table01,
    "table02": _table02,
    "table03": _counts,
    "table04": _counts,
    "table05": _table05,
    "table06": _counts,
    "table07": latencies.values,
    "table08": latencies.values,
    "table09": _counts,
    "table10": _criticality,
    "table11": _criticality,
    "table12": _table12,
    "table13": _counts,
    "table14": _counts,
    "table15": _table15,
    "table15_formulas": _table15_formulas,
    "table16": _architectures,
    "table17": _architectures,
    "figures": prose.values,
    "text_claims": prose.values,
}
