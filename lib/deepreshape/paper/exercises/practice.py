"""Exercises for a sheet of paper."""

from itertools import count
from math import exp
from statistics import fmean, stdev

from deepreshape.design import Layer, Network, cost, layers, parse, reuse
from deepreshape.design.cost import layer_macs
from deepreshape.design.equalize import by_width, equalized, relus
from deepreshape.paper.exercises.exercise import Exercise, Task, exercise
from deepreshape.paper.printed.prose import ORDER, R18
from deepreshape.paper.printed.tables import row
from deepreshape.paper.trained.statistics import half_interval
from deepreshape.private.latency import latency
from deepreshape.private.measured import measured, read
from deepreshape.private.wire.link import WAN

SMALL = "HRN-2x5x3x(m=16)-C1-T234"
TEMPERATURE, LOGITS = 4, (8, 4, 0)
"""The temperature of knowledge distillation (Appendix J), and logits that it divides evenly."""
CERTAIN, BETA = 0.9, 2
"""A teacher's probability of the right class; one of the weights that DKD takes (Appendix J)."""
GAINS = (0.9, 2.1, 1.2)
"""Points of accuracy by which a network is ahead, one for each seed: an invented example."""
BUDGET, STEP = 40_000, 4
"""ReLUs that may be spent, and what base channels are multiples of."""


@exercise("practice", 6, "learn-equalization", "The smallest α")
def least_alpha() -> Task:
    beta, gamma = 6, 2
    alpha = next(each for each in count(2) if equalized(R18, (each, beta, gamma), ORDER))
    units = relus(R18, (1, beta, gamma))
    inequality = by_width(R18, ORDER).inequality
    fourth = units[3] / units[0]
    return Task(
        f"Four stages of {R18[0]} blocks each are equalized where {inequality}. With β = {beta} and"
        f" γ = {gamma}, which is the smallest whole α?",
        alpha,
        f"Divide all by ϕ1, as all ϕ are {R18[0]}. Stages 3, 2 and 4 have {units[2] / units[0]} α,"
        f" {units[1] / units[0]} α and {fourth} α, in order whatever α is; stage 1 has 1. So"
        f" {fourth} α > 1, α > {float(1 / fourth):.2f}, and the smallest whole one is {alpha}.",
        "only the last of the three inequalities still depends on α",
    )


@exercise("practice", 6, "learn-fewer", "Culled and thinned")
def thinned() -> Task:
    network = parse(SMALL)
    whole = parse(SMALL.removesuffix("-C1-T234"))
    stages = cost(whole).stage_relus[1:]
    left = cost(network).total_relus
    return Task(
        f"How many ReLUs has `{network}`?",
        left,
        f"Stages 2 to 4 have {', '.join(map(str, whole.widths[1:]))} channels on maps of 16, 8 and"
        " 4 pixels a side, and two blocks of two ReLU layers:"
        f" {' + '.join(f'{n:,}' for n in stages)} = {sum(stages):,}. Culling takes all of stage 1,"
        f" thinning one ReLU of each block: half of the rest, {left:,}, stays.",
        "stage 1 has none, and of the two ReLU layers of a block one stays",
        "ReLUs",
    )


@exercise("practice", 5, "learn-fewer", "As wide as the budget")
def widest() -> Task:
    each = cost(parse(SMALL)).total_relus // parse(SMALL).stem
    m = BUDGET // each // STEP * STEP
    return Task(
        f"`{SMALL}` has {cost(parse(SMALL)).total_relus:,} ReLUs. Which is the largest m, a"
        f" multiple of {STEP}, that leaves at most {BUDGET:,}?",
        m,
        f"All widths are multiples of m, so ReLUs are proportional to it: {each:,} for each base"
        f" channel. {BUDGET:,} / {each:,} = {BUDGET / each:.1f}, so m = {m}, with {m * each:,}"
        " ReLUs.",
        "ReLUs are proportional to m",
    )


@exercise("practice", 10, "learn-reuse", "What ReLU-reuse costs")
def reuse_share() -> Task:
    few, many = 4, 16
    base = parse(SMALL)
    width = base.widths[1]
    whole = _module_macs(base)
    part, most = (_module_macs(reuse(base, factor)) for factor in (few, many))
    return Task(
        f"A ReLU-reuse module stands in for a 3x3 convolution of {width} channels into {width}."
        f" For N = {few} it passes {width // 4} of the channels on, convolves {width // 2} (3x3),"
        f" matches these {width // 2} to {width // few} (1x1), convolves {width // few} (3x3) and"
        f" mixes all {width} (1x1). How many multiply-accumulates has it, in percent of the"
        " convolution's?",
        100 * part / whole,
        f"For each pixel: 9 x {width // 2}² + {width // 2} x {width // few} + 9 x {width // few}² +"
        f" {width}² = {part // 256:,}, and the convolution has 9 x {width}² = {whole // 256:,}:"
        f" {100 * part / whole:.2f} %. With N = {many} it is {100 * most / whole:.1f} %: fewer"
        " channels are activated, more are convolved, and so FLOPs rise with N.",
        "count what one pixel takes; the map's size divides out",
        "%",
        tolerance=0.05,
    )


def _module_macs(network: Network) -> int:
    """Of what stands where the first second convolution of stage 2 does, in a block that keeps its
    input's shape."""
    found: list[Layer] = [
        layer
        for layer in layers(network)
        if layer.name.startswith(("stage2/block2/conv2", "stage2/block2/reuse"))
    ]
    return sum(map(layer_macs, found))


@exercise("practice", 6, "learn-distillation", "A softer teacher")
def softened() -> Task:
    soft, hard = ([exp(logit / heat) for logit in LOGITS] for heat in (TEMPERATURE, 1))
    share, before = 100 * soft[1] / sum(soft), 100 * hard[1] / sum(hard)
    return Task(
        f"A teacher's logits are {', '.join(map(str, LOGITS))}. At the paper's temperature of"
        f" {TEMPERATURE}, which probability has the second class, in percent?",
        share,
        f"Divided by {TEMPERATURE} the logits are"
        f" {', '.join(str(logit // TEMPERATURE) for logit in LOGITS)}. Their exponentials are"
        f" {', '.join(f'{each:.3f}' for each in soft)}, with the sum {sum(soft):.3f}: {share:.1f}"
        f" %. At temperature 1 it is {before:.1f} %, too little for a student to learn from.",
        "divide the logits by the temperature, then take exponentials over their sum",
        "%",
        tolerance=0.1,
    )


@exercise("practice", 6, "learn-distillation", "What decoupling changes")
def decoupled() -> Task:
    times = round(BETA / (1 - CERTAIN), 6)
    return Task(
        f"A teacher gives the right class the probability p = {CERTAIN}. KD weighs what it says of"
        " the other classes (NCKD) by 1 - p, DKD by β. How many times more does it weigh in DKD"
        f" with β = {BETA}, if all else is the same?",
        times,
        f"{BETA} / (1 - {CERTAIN}) = {times:.0f}. The surer the teacher, the less KD passes on of"
        " what it knows of the other classes; DKD gives that a weight of its own.",
        "the two weights are β and 1 - p",
    )


@exercise("practice", 6, "learn-cost", "If ReLUs were free")
def free_relus() -> Task:
    cells = row("table07", dataset="CIFAR-100", sota_method="SENet", sota_relus_K="25")
    ours, theirs = float(cells["hrn_he_s"]), float(cells["sota_he_s"])
    return Task(
        f"In the row SENet 25K of Table 7, ResNet18 takes {cells['sota_he_s']} s of HE and"
        f" {cells['sota_gc_s']} s of GC, the HybReNet {cells['hrn_he_s']} s and {cells['hrn_gc_s']}"
        f" s. The paper's runtime gain is {cells['improv_lat_x']}. What would it be if GC took no"
        " time at all?",
        theirs / ours,
        f"{cells['sota_he_s']} / {cells['hrn_he_s']} = {theirs / ours:.1f}, a little more than"
        f" {cells['improv_lat_x']}: by this model nearly all seconds are HE, and ReLUs as few as"
        " these hardly count.",
        "only the seconds of HE are left on both sides",
        tolerance=0.1,
    )


@exercise("practice", 6, "learn-cost", "Bytes on a slow wire")
def on_the_wire() -> Task:
    network = parse("HRN-2x5x3x(m=8)-C1-T234")
    took = measured(network, "coefficients", read())
    millions = round((took.he_bytes + took.gc_bytes) / 1e6)
    seconds = 8e6 * millions / WAN.bandwidth
    return Task(
        f"Measured here without rotations, an inference with `{network}` moves {millions} million"
        f" bytes, its ReLUs alone garbled. How many seconds do they take at"
        f" {WAN.bandwidth / 1e6:.0f} Mbit/s?",
        seconds,
        f"8 x {millions} / {WAN.bandwidth / 1e6:.0f} = {seconds:.1f} s. All computing at both ends"
        f" takes {took.total_s:.1f} s: here the wire is what costs, while the paper's model, at"
        f" {latency(network).total_s:.0f} s, counts no wire.",
        "a byte has eight bits",
        "s",
        tolerance=0.2,
    )


@exercise("practice", 5, "methods", "Judge a claim")
def judged() -> Task:
    half, mean = half_interval(GAINS), fmean(GAINS)
    low, high = mean - half, mean + half
    said = "agrees" if low > 0 else "disagrees" if high < 0 else "undecided"
    return Task(
        "A claim says that one network is ahead of another. Three seeds find gains of"
        f" {', '.join(f'{gain:+.1f}' for gain in GAINS)} points. By the 95 % interval of their"
        " mean, from their own deviation: is the verdict agrees, disagrees or undecided?",
        said,
        f"The mean is {mean:+.2f}, the deviation {stdev(GAINS):.2f}, and t for two degrees of"
        f" freedom 4.30: the interval is {mean:.2f} ± {half:.2f}, from {low:+.2f} to {high:+.2f}."
        " It holds both signs: three gains of one sign are not enough.",
        "half the interval is t s / √n, with t = 4.30 for three seeds",
        kind="name",
        choices=("agrees", "disagrees", "undecided"),
    )


PRACTICE: tuple[Exercise, ...] = (
    least_alpha,
    thinned,
    widest,
    reuse_share,
    softened,
    decoupled,
    free_relus,
    on_the_wire,
    judged,
)
