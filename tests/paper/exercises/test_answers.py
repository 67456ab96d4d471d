"""Every answer of the exercises, found another way: by closed forms and by brute force."""

from collections.abc import Callable
from itertools import product
from math import exp, sqrt

import pytest

from deepreshape.design import cost, parse
from deepreshape.learn.training.losses import KD
from deepreshape.paper.exercises import EXERCISES
from deepreshape.paper.exercises.lesson import named
from deepreshape.paper.exercises.practice import GAINS, TEMPERATURE
from deepreshape.paper.printed import protocols
from deepreshape.paper.printed.entries import RUN, entries
from deepreshape.paper.printed.tables import row
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.measured import measured, read


def basic(width: int, side: int, blocks: int) -> int:
    """ReLUs of a stage of basic blocks."""
    return 2 * blocks * width * side**2


def ordered(depths: tuple[int, ...], factors: tuple[int, ...]) -> bool:
    """Is S3 > S2 > S4 > S1, counted in whole numbers?"""
    alpha, beta, gamma = factors
    one, two, three, four = depths
    counts = (64 * one, 16 * alpha * two, 4 * alpha * beta * three, alpha * beta * gamma * four)
    return counts[2] > counts[1] > counts[3] > counts[0]


def minimal() -> int:
    """Triples that equalize ResNet34 and stop doing so when any one factor, or any set of them, is
    lowered."""
    found = [each for each in product(range(2, 40), repeat=3) if ordered((3, 4, 6, 3), each)]
    return sum(
        not any(
            other != each and all(a <= b for a, b in zip(other, each, strict=True))
            for other in found
        )
        for each in found
    )


def smallest_depths() -> str:
    found = [each for each in product(range(1, 13), repeat=4) if ordered(each, (2, 2, 2))]
    return ", ".join(map(str, min(found, key=sum)))


def module_percent(channels: int, factor: int) -> float:
    """What a ReLU-reuse module takes, in percent of a 3x3 convolution."""
    active = channels // factor
    linear = channels - channels // 4 - active
    module = 9 * linear**2 + linear * active + 9 * active**2 + channels**2
    return 100 * module / (9 * channels**2)


def macs(m: int, module: int = 0) -> int:
    """Of HRN-2x5x3x with m base channels, culled in stage 1; module: the divisor of ReLU-reuse in
    the other stages, if any."""
    total = 9 * 1024 * (3 * m + 4 * m**2)
    widths = (m, 2 * m, 10 * m, 30 * m)
    for before, width, side in zip(widths, widths[1:], (16, 8, 4), strict=False):
        second = 9 * width**2
        if module:
            second = round(second * module_percent(width, module) / 100)
        total += side**2 * (9 * before * width + before * width + 9 * width**2 + 2 * second)
    return total + 100 * widths[-1]


def verdict(t: float = 4.303) -> str:
    mean = sum(GAINS) / 3
    half = t * sqrt(sum((gain - mean) ** 2 for gain in GAINS) / 2) / sqrt(3)
    return "undecided" if abs(mean) < half else "agrees" if mean > 0 else "disagrees"


def regnets() -> int:
    sizes = "200MF 400MF 600MF 800MF 1.6GF 3.2GF 4.0GF 6.4GF 8.0GF 12GF 16GF 32GF"
    counts = (cost(parse(f"RegNetX-{size}")).relus[1:] for size in sizes.split())
    return sum(three > two > four > one for one, two, three, four in counts)


def garbled_percent() -> float:
    """By the garbled elements of the published count, and the seconds of each."""
    record, entry = read(), next(e for e in entries() if str(e.listed) == SMALL)
    counted = Garbled(26_112, 67_072)
    took = measured(entry.network, "coefficients", record, counted)
    return 100 * took.gc_s / (took.he_s + took.he_client_s + took.gc_s)


def held_over_a_wan() -> int:
    found = protocols.gains(read())
    return sum(gain.measured[protocols.WAN_WAY, RUN] >= 0.9 * gain.printed for gain in found)


def wire_seconds() -> float:
    took = measured(parse(SMALL), "coefficients", read(), Garbled(26_112))
    return 8 * (took.he_bytes + took.gc_bytes) / 100e6


SMALL = "HRN-2x5x3x(m=8)-C1-T234"
SENET = {"dataset": "CIFAR-100", "sota_method": "SENet", "sota_relus_K": "25"}
OTHERWISE: dict[str, Callable[[], float | str]] = {
    "stage_two": lambda: basic(32, 16, 2),
    "last_width": lambda: 16 * 5 * 5 * 3,
    "written_name": lambda: "HRN-2x5x3x(m=8)-C1-T234-Re4",
    "second_share": lambda: 97 + 23 - 61,
    "possible_pixels": lambda: 97,
    "printed_order": lambda: "S3 > S2 > S4 > S1",
    "culled": lambda: basic(32, 16, 2) + basic(64, 8, 2) + basic(128, 4, 2),
    "seconds_of_relus": lambda: (
        (64 * 32**2 + sum(basic(64 * 2**k, 32 // 2**k, 2) for k in range(4)))
        * (103.7427 + 345.9501)
        / 4e6
    ),
    "least_alpha": lambda: min(a for a in range(2, 99) if ordered((2, 2, 2, 2), (a, 6, 2))),
    "thinned": lambda: (basic(32, 16, 2) + basic(160, 8, 2) + basic(480, 4, 2)) // 2,
    "widest": lambda: max(m for m in range(4, 99, 4) if 52_224 * m <= 16 * 40_000),
    "reuse_share": lambda: module_percent(32, 4),
    "softened": lambda: 100 / (1 + exp(1) + exp(-1)),
    "decoupled": lambda: 20,
    "free_relus": lambda: float(row("table07", **SENET)["improv_he_x"]),
    "on_the_wire": wire_seconds,
    "judged": verdict,
    "minimal_designs": minimal,
    "by_depths": smallest_depths,
    "slip": lambda: (basic(32, 16, 4) + basic(192, 8, 6) + basic(576, 4, 3)) // 2 // 8,
    "regnets": regnets,
    "smallest_candidate": lambda: basic(256, 8 // 2, 2) // 2,
    "equal_relus": lambda: macs(16, module=2) / macs(8),
    "garbled_share": garbled_percent,
    "shrunk": held_over_a_wan,
}


def test_every_exercise_is_solved_otherwise() -> None:
    assert {each.name for each in EXERCISES} == {*OTHERWISE}


@pytest.mark.parametrize("name", OTHERWISE)
def test_the_answer_is_what_another_way_gives(name: str) -> None:
    assert named(name).task.accepts(OTHERWISE[name]())


def test_the_temperature_is_that_of_the_recipe() -> None:
    assert KD().temperature == TEMPERATURE
