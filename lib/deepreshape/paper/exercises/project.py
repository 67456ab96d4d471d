"""Exercises for a notebook: the library counts, and the reader judges."""

from deepreshape.design import algorithm2, cost, deepreduce, parse
from deepreshape.design.architectures import REGNET_X
from deepreshape.design.equalize import by_depth, by_width
from deepreshape.paper.exercises.exercise import Exercise, Task, exercise
from deepreshape.paper.printed import protocols, tables
from deepreshape.paper.printed.counts import count, ranking
from deepreshape.paper.printed.entries import FREE, RUN, entries
from deepreshape.paper.printed.prose import ORDER, R34
from deepreshape.private.latency import latency
from deepreshape.private.measured import read

CUT = 0.1
"""A printed number of one decimal that is further off was neither rounded nor cut."""
SHIPPED = "HRN-2x5x3x(m=8)-C1-T234"


@exercise("project", 20, "learn-equalization", "All minimal designs")
def minimal_designs() -> Task:
    found = by_width(R34, ORDER).solutions
    paper = by_width(R34, ORDER, "paper").solutions
    names = " and ".join("x".join(map(str, each.factors)) + "x" for each in paper)
    return Task(
        f"ResNet34 has {', '.join(map(str, R34))} blocks. How many triples (α, β, γ) of whole"
        " factors of at least 2 equalize it in the order S3 > S2 > S4 > S1, such that none of the"
        " three can be lowered without raising another?",
        len(found),
        f"`by_width({R34}, {ORDER})` lists {len(found)}, from {found[0].factors} to"
        f" {found[-1].factors}. The paper names {names} and no rule that picks these two.",
        "by_width of deepreshape.design.equalize; its default rule is this one",
        "triples",
    )


@exercise("project", 20, "learn-equalization", "Equalized by depth")
def by_depths() -> Task:
    (smallest,) = by_depth(ORDER).solutions
    printed = by_depth(ORDER, "paper").solutions
    return Task(
        "Appendix D keeps α = β = γ = 2 and prints four tuples of depths that put the ReLUs of the"
        " stages in the order S3 > S2 > S4 > S1. Stage k has ϕk / 2^(k-1) of them, but for a common"
        " factor. Check one; then find the smallest depths that do it, from stage 1 to stage 4.",
        ", ".join(map(str, smallest.depths)),
        f"{sum(each.holds for each in printed)} of the {len(printed)} printed tuples have the"
        f" order. From the least critical stage on, each takes the smallest depth that is enough:"
        f" {', '.join(map(str, smallest.depths))}. This is an erratum of the paper.",
        "start with one block in stage 1; then stage 4 must have more than it, then 2, then 3",
        kind="order",
    )


@exercise("project", 15, "errata", "A slip in a table")
def slip() -> Task:
    numbers = tables.rows("table14", dataset="CIFAR-100", family="HybReNet")
    wrong = {
        number: float(row["relus_K"])
        for number, row in numbers.items()
        if abs(count(tables.network("table14", number), "relus_K") - float(row["relus_K"])) > CUT
    }
    ((number, printed),) = wrong.items()
    network = tables.network("table14", number)
    listed = "; ".join(
        f"`{tables.network('table14', each)}` {row['relus_K']}" for each, row in numbers.items()
    )
    relus = cost(network).total_relus
    return Task(
        f"Table 14 prints these thousands of ReLUs: {listed}. One is neither its network's count"
        " rounded nor cut. How many ReLUs has that network?",
        relus,
        f"`{network}` has {relus:,}, and {printed}K is printed: twice the number of the row below,"
        " which was cut. The page of errata has it.",
        "cost(parse(name)).total_relus counts each",
        "ReLUs",
    )


@exercise("project", 20, "learn-criticality", "Do RegNets follow the order?")
def regnets() -> Task:
    wanted = " > ".join(f"S{stage}" for stage in ORDER)
    ordered = [name for name in REGNET_X if ranking(parse(f"RegNetX-{name}")) == wanted]
    return Task(
        "Appendix H.5 says that the ReLUs of all RegNet-X models are arranged by criticality. Of"
        f" the {len(REGNET_X)} from {next(iter(REGNET_X))} to {[*REGNET_X][-1]}, how many have"
        f" their stages in the order {wanted}, the stem left out?",
        len(ordered),
        f"{len(ordered)}: {', '.join(ordered)}. In the others stage 1 has more ReLUs than stage 4,"
        " or the order is another. This is an erratum of the paper.",
        "cost(parse('RegNetX-1.6GF')).relus has the stem first, then the stages",
        "networks",
    )


@exercise("project", 15, "learn-fewer", "What a search has to train")
def smallest_candidate() -> Task:
    network = parse("ResNet18")
    least_first = ORDER[::-1]
    counted = {
        name: cost(candidate).total_relus
        for name, candidate in deepreduce(network, least_first).items()
    }
    name = min(counted, key=counted.__getitem__)
    listed = ", ".join(f"S{stage}" for stage in least_first)
    return Task(
        f"DeepReDuce trains many candidates of one network. How many ReLUs has the smallest that"
        f" `deepreduce` lists for `{network}`, its stages from the least critical: {listed}?",
        counted[name],
        f"Of {len(counted)} candidates it is the one called *{name}*, with {counted[name]:,} ReLUs."
        f" For a HybReNet `algorithm2` lists {len(algorithm2(parse('HRN-2x5x3x')))}: it needs one"
        " iteration, as its stages are in order already.",
        "deepreduce(network, order) is a dict of networks by name",
        "ReLUs",
    )


@exercise("project", 15, "learn-reuse", "Two ways to as many ReLUs")
def equal_relus() -> Task:
    scaled, reused = parse(SHIPPED), parse("HRN-2x5x3x(m=16)-C1-T234-Re2")
    ours, theirs = cost(reused), cost(scaled)
    return Task(
        f"`{reused}` and `{scaled}` have the same number of ReLUs. How many times as many"
        " multiply-accumulates has the first?",
        ours.macs / theirs.macs,
        f"Both have {ours.total_relus:,} ReLUs. {ours.macs:,} / {theirs.macs:,} ="
        f" {ours.macs / theirs.macs:.2f}: ReLU-reuse keeps the wide network's linear layers,"
        " scaling makes these smaller as well.",
        "cost(parse(name)).macs",
        tolerance=0.01,
    )


@exercise("project", 20, "learn-cost", "Where the seconds go")
def garbled_share() -> Task:
    entry = next(each for each in entries() if str(each.listed) == SHIPPED)
    took = entry.measured("coefficients", read(), RUN)
    model = latency(entry.listed)
    share = 100 * took.gc_s / took.total_s
    return Task(
        f"For `{SHIPPED}` the paper's model gives garbled circuits"
        f" {100 * model.gc_s / model.total_s:.1f} % of the seconds. Which share have they by this"
        " project's measurements without rotations, with truncations as it is run here, in percent"
        " of computing at both ends?",
        share,
        f"{took.gc_s:.2f} s of {took.total_s:.2f} s: {share:.1f} %. Without rotations the linear"
        " layers take far less: what an inference spends its time on depends on the protocol.",
        "an entry of printed.entries has measured('coefficients', read(), RUN), with gc_s and"
        " total_s",
        "%",
        tolerance=0.5,
    )


@exercise("project", 15, "protocols", "When a speed-up shrinks")
def shrunk() -> Task:
    gains = protocols.gains(read())
    held, free, lan = (
        sum(gain.verdict(way, count) == "holds" for gain in gains)
        for way, count in (
            (protocols.WAN_WAY, RUN),
            (protocols.WAN_WAY, FREE),
            (protocols.LAN_WAY, RUN),
        )
    )
    return Task(
        f"Tables 7 and 8 print {len(gains)} runtime gains. As measured and run here over a WAN,"
        " how many hold, so are at most a tenth below the printed one?",
        held,
        f"{held} of {len(gains)}, and {lan} over a LAN: on a slow wire the bytes of ReLUs and"
        " ciphertexts decide, and FLOPs less. Were truncations not counted, it would be"
        f" {free} over the WAN. Which seconds, over which wire, is a choice that must be stated.",
        "protocols.gains(read()), then verdict(WAN_WAY, RUN) of each",
        "rows",
    )


PROJECTS: tuple[Exercise, ...] = (
    minimal_designs,
    by_depths,
    slip,
    regnets,
    smallest_candidate,
    equal_relus,
    garbled_share,
    shrunk,
)
