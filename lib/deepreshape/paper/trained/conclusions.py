"""What became of the claims of a page, in sentences that follow from the judgements."""

from collections import Counter
from collections.abc import Iterable

from deepreshape.paper.trained.gains import NEAR_CHANCE
from deepreshape.paper.trained.judgements import Judged

MOST_NAMED = 6
"""Claims that a sentence names; more are only counted."""
PAIRS = "Both networks of a pair have the same seeds, and gains are averaged over these."
CURVES = (
    "Curves are compared seed by seed, at each count that either has within the range of both, the"
    " other interpolated in the logarithm."
)
JUDGED = (
    "A *direction* agrees where the 95 % interval of the mean gain lies within the *claimed gain*,"
    " and disagrees where it lies wholly outside; one seed decides nothing"
)
SIZES = "A *size*, where one is printed, is judged by the same interval"
REDUCED = (
    "*At reduced scale* a verdict, whichever it is, tells of these networks as they are here: after"
    " a few epochs, and with the widths that the page states."
)


def method(judged: Judged) -> str:
    """How the claims of a page are compared and judged, as Markdown; empty where there are none."""
    claims = [row.claim for row in judged.rows]
    if not claims:
        return ""
    sized = any(claim.size is not None for claim in claims)
    parts = [
        PAIRS if any(claim.paired for claim in claims) else "",
        CURVES if not all(claim.paired for claim in claims) else "",
        f"{JUDGED}{f'. {SIZES}' * sized} ({{doc}}`methods`).",
        REDUCED if judged.standing.kind == "reduced" else "",
    ]
    return " ".join(filter(None, parts))


def sentence(judged: Judged) -> str:
    """What became of the claims of a page: the verdict, then what it stands on."""
    return " ".join(filter(None, [verdict(judged), grounds(judged)]))


def verdict(judged: Judged) -> str:
    """How many claims are tested, with which outcomes, and what stands against the paper."""
    if not judged.rows:
        return "The paper claims nothing of the points drawn here."
    return " ".join(filter(None, [_tested(judged), "" if _digits(judged) else _against(judged)]))


def grounds(judged: Judged) -> str:
    """What does not count, and what the intervals are made of; of digits, which gains are against
    the paper. Empty where nothing is to say."""
    digits = _digits(judged)
    last = _against(judged) if digits else _unlike(judged)
    parts = [_left_out(judged), _interval(judged), last]
    return " ".join(filter(None, parts))


def _digits(judged: Judged) -> bool:
    return judged.standing.kind == "digits"


def _tested(judged: Judged) -> str:
    rows = judged.rows
    total = "1 claim" if len(rows) == 1 else f"{len(rows)} claims"
    done = [row for row in rows if row.decided]
    if _digits(judged):
        return (
            f"Of {total} none is tested: digits show that the machinery runs, and are no evidence."
        )
    sizes = [row for row in done if "size" in row.decided]
    text = f"Of {total} {len(done) or 'none'} {'are' if len(done) > 1 else 'is'} tested"
    text += ", at the 5 % level each" if done else ""
    text += f", and {len(sizes)} of these for the printed size too." if sizes else "."
    for name, tests in (("Direction", done), ("Size", sizes)):
        if tests:
            said = [getattr(row, name.lower()) for row in tests]
            text += f" {name}: {_counted(said)}."
    others = [row.direction for row in rows if not row.decided]
    return text + (f" Not tested: {_counted(others)}." if others else "")


def _counted(said: Iterable[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in Counter(said).most_common())


def _left_out(judged: Judged) -> str:
    rows, text = judged.rows, ""
    names = dict.fromkeys(name for row in rows for name in row.left_out)
    if names:
        text = (
            f"What the profile's recipe was chosen on does not count: {', '.join(names)}. n is what"
            " remains; where nothing does, the gain of all is shown without a verdict."
        )
    if any(row.near for row in rows):
        text += (
            " Networks that are right less than"
            f" {NEAR_CHANCE} times as often as a guess enter no claim."
        )
    if any(row.unfinished for row in rows):
        text += " Networks with a search that did not reach its budget enter no claim."
    return text.strip()


def _interval(judged: Judged) -> str:
    if judged.pooled is None or not any(row.found for row in judged.rows):
        return ""
    pooled = judged.pooled
    tests = [row for row in judged.rows if row.found]
    by_image = sum(row.by_image for row in tests)
    comparisons = f"{pooled.comparisons} comparison{'s' * (pooled.comparisons > 1)}"
    text = (
        f"The deviation of a gain from seed to seed, {pooled.deviation:.2f} points, is pooled over"
        f" {comparisons} ({pooled.degrees} degrees of freedom). The error of the test set, which"
        " all seeds share, is added, "
    )
    if by_image == len(tests):
        return text + "by which images each net gets right."
    bound = "as a bound where records do not say which images are right"
    return text + (f"{bound}, here of all." if not by_image else f"{bound}.")


def _unlike(judged: Judged) -> str:
    """In how many comparisons something else than the claim's two sides may differ."""
    unlike, compared = (sum(getattr(row, name) for row in judged.rows) for name in ("unlike", "n"))
    if not unlike:
        return ""
    return (
        f"In {unlike} of {compared} comparisons of one seed the nets are not known to be trained"
        " alike: in the same number format, and by the same weights of their teacher."
    )


def _against(judged: Judged) -> str:
    """Which mean gains lie outside what is claimed of them."""
    known = [row for row in judged.rows if row.n]
    if not known:
        return ""
    against = [row for row in known if not row.claim.range[0] <= row.mean <= row.claim.range[1]]
    if not against:
        return f"None of {len(known)} mean gains lies against the claimed direction."
    named = [f"{row.claim.text} ({row.mean:+.2f} points)" for row in against[:MOST_NAMED]]
    more = f", and {len(against) - MOST_NAMED} more" * (len(against) > MOST_NAMED)
    return (
        f"{len(against)} of {len(known)} mean gains lie against the claimed direction:"
        f" {'; '.join(named)}{more}."
    )
