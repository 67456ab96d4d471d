"""`plan --open`: the claims that are not decided, and what it takes to test each."""

from collections.abc import Sequence
from functools import cache
from math import fsum

from deepreshape.cli.output import duration, print_json
from deepreshape.cli.prices import Price, print_total
from deepreshape.cli.tables import Columns, Row, say, show, table_of
from deepreshape.learn.runs import executors
from deepreshape.learn.runs.price import seconds
from deepreshape.paper import status
from deepreshape.paper.open_claims import OpenClaim, open_claims
from deepreshape.paper.trained import experiments
from deepreshape.paper.trained.profiles import profile as find_profile


def plan_open(
    names: Sequence[str], profile: str, seeds: tuple[int, ...], price: Price, as_json: bool
) -> None:
    """Every open claim of some figures or tables (of all, where none is named), the one that takes
    the least beside those above it first; and what is left out, with its reason."""
    pages = [experiments.find(name).name for name in names or experiments.EXPERIMENTS]
    # All that is recorded is decided together, whichever part is asked for.
    known = [each for each in status.evidence() if each.experiment.name in pages]
    is_lacking = cache(lambda run: price.store.get(run) is None)
    found = open_claims(find_profile(profile), known, is_lacking, seeds)
    drawn = [each for each in found if each.runs]
    rows = _cheapest_first(drawn, price)
    total = price.total([run for each in drawn for run in each.runs])
    undrawn = [{"figure": each.page, "claim": each.text} for each in found if not each.runs]
    if as_json:
        answer: Row = {"profile": profile, "here": price.here, "gpu": price.gpu.name}
        print_json(answer | {"claims": rows, "not_drawn": undrawn, "total": total})
        return
    columns: Columns = {
        "claim": "{claim}",
        "of": "{figure}",
        "known": "{outcome}",
        "seeds": lambda row: ", ".join(map(str, row["seeds"])),
        "to make>": lambda row: str(len(row["keys"])),
        "here>": lambda row: duration(row["here_s"]),
        f"{price.gpu.name}>": lambda row: duration(row["gpu_s"]),
        "here, so far>": lambda row: duration(row["so_far_s"]),
    }
    show(table_of(rows, columns))
    say(
        f"{len(found)} claims are not decided: {len(rows)} are drawn at {profile},"
        f" {len(undrawn)} are not, or its recipe was chosen on their networks"
    )
    print_total(total, price)


def _cheapest_first(claims: Sequence[OpenClaim], price: Price) -> list[Row]:
    """A row for each claim; runs that a claim above makes too are not counted again."""
    lacking = [executors.lacking(each.runs, price.store) for each in claims]
    runs = {run.key: run for found in lacking for run in found}
    took = {key: seconds(run, price.speed) for key, run in runs.items()}
    left = {place: {run.key for run in found} for place, found in enumerate(lacking)}
    rows, so_far = [], 0.0
    while left:
        place = min(left, key=lambda each: fsum(map(took.__getitem__, left[each])))
        made = left.pop(place)
        left = {other: keys - made for other, keys in left.items()}
        here = fsum(map(took.__getitem__, made)) / price.workers
        so_far += here
        each = claims[place]
        rows.append(
            {
                "figure": each.page,
                "claim": each.text,
                "outcome": each.outcome,
                "seeds": each.seeds,
                "keys": sorted(made),
                "here_s": here,
                "gpu_s": fsum(seconds(runs[key], price.gpu) for key in made),
                "so_far_s": so_far,
            }
        )
    return rows
