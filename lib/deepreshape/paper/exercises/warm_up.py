"""Exercises that take a few minutes and no paper."""

from itertools import pairwise

from deepreshape.design import cost, cull, parse, reuse
from deepreshape.design.criticality import order
from deepreshape.paper.exercises.exercise import Exercise, Task, exercise
from deepreshape.paper.printed.tables import by_stage, table
from deepreshape.private.latency import garbled_seconds

MODULUS, PIXEL, RANDOM = 97, 23, 61
"""Of the exercises on shares: small enough for the head. The protocol's ring has 2^k numbers."""


@exercise("warm up", 2, "learn-picture", "A share of a pixel")
def second_share() -> Task:
    share = (PIXEL - RANDOM) % MODULUS
    return Task(
        f"A pixel is {PIXEL}, and numbers count modulo {MODULUS}. The client draws {RANDOM} at"
        " random and keeps it as its share. Which share does the server get, so that the two add"
        " up to the pixel?",
        share,
        f"{PIXEL} - {RANDOM} = {PIXEL - RANDOM}, and modulo {MODULUS} that is {share}. Indeed"
        f" {RANDOM} + {share} = {RANDOM + share}, which is {PIXEL} modulo {MODULUS}.",
        "subtract, then add the modulus where the result is negative",
    )


@exercise("warm up", 1, "learn-secrecy", "What a share tells")
def possible_pixels() -> Task:
    share = (PIXEL - RANDOM) % MODULUS
    possible = len({(share + kept) % MODULUS for kept in range(MODULUS)})
    return Task(
        f"You are the server of the exercise before and hold the share {share}. The client drew"
        f" its share uniformly from 0 ... {MODULUS - 1}. How many values of the pixel are still"
        " possible for you?",
        possible,
        f"Each of the {MODULUS} shares that the client may have drawn belongs to another pixel:"
        f" {possible} values, all equally likely. One share alone tells nothing.",
        "for each share that the client may have drawn, compute the pixel",
        "values",
    )


@exercise("warm up", 3, "learn-numbers", "ReLUs of a stage")
def stage_two() -> Task:
    network = parse("ResNet18(m=16)")
    width, side, blocks = network.widths[1], network.resolution // 2, network.depths[1]
    relus = cost(network).relus[2]
    return Task(
        f"Stage 2 of `{network}` has {blocks} basic blocks of {width} channels, on maps of {side} x"
        f" {side} pixels. How many ReLUs are evaluated in it for one image?",
        relus,
        f"A basic block has two layers of ReLUs, and a layer evaluates one for each channel and"
        f" pixel: {blocks} x 2 x {width} x {side} x {side} = {relus:,}.",
        "a basic block has two layers of ReLUs, each of channels times pixels",
        "ReLUs",
    )


@exercise("warm up", 2, "learn-numbers", "Reading a name")
def last_width() -> Task:
    network = parse("HRN-5x5x3x(m=16)")
    steps = [after // before for before, after in pairwise(network.widths)]
    shown = " x ".join(map(str, (network.stem, *steps)))
    return Task(
        f"How many channels has the last stage of `{network}`?",
        network.widths[-1],
        f"m is the width of stage 1, and each factor widens the next stage: {shown} ="
        f" {network.widths[-1]:,}. The widths of all stages are"
        f" {', '.join(f'{width:,}' for width in network.widths)}.",
        "each of the three factors multiplies the width of the stage before",
        "channels",
    )


@exercise("warm up", 3, "learn-numbers", "Writing a name")
def written_name() -> Task:
    network = reuse(parse("HRN-2x5x3x(m=8)-C1-T234"), 4)
    return Task(
        "A HybReNet of 8 base channels has α = 2, β = 5 and γ = 3. Stage 1 is culled, stages 2, 3"
        " and 4 are thinned, and ReLU-reuse divides what is left by 4. Write its name.",
        str(network),
        "Factors, base channels, then the edits in the order culled, thinned, reused:"
        f" `{network}`.",
        "HRN-, the factors, (m=...), then -C and -T with the stages, then -Re with the divisor",
        kind="name",
    )


@exercise("warm up", 2, "learn-criticality", "An order of stages")
def printed_order() -> Task:
    row = table("table10")[0]
    printed = [row[column] for column in by_stage("Ck")]
    found = order([float(value) for value in printed])
    listed = ", ".join(f"{value} for stage {at}" for at, value in enumerate(printed, start=1))
    shown = " > ".join(f"S{stage}" for stage in found)
    return Task(
        f"Table 10 prints the criticality of the stages of {row['network']}: {listed}. Write the"
        " stages from the most to the least critical, such as S1 > S2 > S3 > S4.",
        shown,
        f"Sorted by criticality: {shown}. It is the order that the paper's HybReNets give their"
        " ReLUs.",
        "the stage with the largest number comes first",
        kind="order",
    )


@exercise("warm up", 3, "learn-fewer", "Culling a stage")
def culled() -> Task:
    whole = parse("ResNet18(m=16)")
    before, left = cost(whole), cost(cull(whole, [1])).total_relus
    stages = ", ".join(f"{count:,}" for count in before.stage_relus)
    return Task(
        f"The stages of `{whole}` have {stages} ReLUs, the stem counted with stage 1. How many are"
        " left when stage 1 is culled?",
        left,
        f"Culling stage 1 removes its ReLUs and the stem's: {before.total_relus:,} -"
        f" {before.stage_relus[0]:,} = {left:,}."
        f" {100 * before.stage_relus[0] / before.total_relus:.0f} % of all ReLUs are gone with the"
        " least critical stage.",
        "add up the stages that keep their ReLUs",
        "ReLUs",
    )


@exercise("warm up", 2, "learn-cost", "Seconds of garbled circuits")
def seconds_of_relus() -> Task:
    network = parse("ResNet18")
    relus = cost(network).total_relus
    each = 1e6 * garbled_seconds(1)
    seconds = garbled_seconds(relus)
    return Task(
        f"In the paper's model a garbled ReLU takes {each:.2f} microseconds. How many seconds do"
        f" the {relus:,} ReLUs of `{network}` take?",
        seconds,
        f"{relus:,} x {each:.2f} microseconds = {seconds:.1f} s.",
        "a second has a million microseconds",
        "s",
        tolerance=0.5,
    )


WARM_UPS: tuple[Exercise, ...] = (
    second_share,
    possible_pixels,
    stage_two,
    last_width,
    written_name,
    printed_order,
    culled,
    seconds_of_relus,
)
