"""Sentences about claims follow from what became of them."""

from dataclasses import replace

from deepreshape.learn.runs.run import Record
from deepreshape.paper.trained.conclusions import (
    CURVES,
    MOST_NAMED,
    PAIRS,
    REDUCED,
    SIZES,
    method,
    sentence,
)
from deepreshape.paper.trained.experiments import Claim
from deepreshape.paper.trained.experiments.sizes import Size
from deepreshape.paper.trained.judgements import Standing, judge
from tests.paper.curves import by_width, curve, paired
from tests.paper.records import records

SEEDS = (1, 2, 3)


def gaining(claim: Claim, *gains: float) -> dict[str, Record]:
    return records(
        claim.ahead + claim.behind,
        lambda each, seed: 50.0 + (each in claim.ahead) * gains[seed - 1],
    )


def said(*gains: float, stands: Standing | None = None, size: Size | None = None) -> str:
    claim = replace(paired(SEEDS), size=size)
    return sentence(judge([claim], gaining(claim, *gains), stands))


def test_it_says_where_nothing_is_claimed() -> None:
    assert "claims nothing" in sentence(judge([], {}))


def test_it_says_how_many_claims_are_tested_and_what_became_of_them() -> None:
    claims = [paired(SEEDS, "x"), paired((1,), "z")]
    found = gaining(claims[0], 3.0, 3.5, 4.0) | gaining(claims[1], 5.0)
    text = sentence(judge(claims, found))
    assert text.startswith(
        "Of 2 claims 1 is tested, at the 5 % level each. Direction: agrees: 1."
        " Not tested: undecided (one seed): 1."
    )


def test_it_says_where_no_claim_is_tested() -> None:
    text = said(3.0, 3.1, 3.2, stands=Standing("reduced", seeds=SEEDS))
    assert text.startswith(
        "Of 1 claim none is tested. Not tested: not evidence: the recipe was chosen on its seed: 1."
    )


def test_sizes_are_counted_on_their_own() -> None:
    text = said(12.0, 12.5, 13.0, size=Size(1.0, 3.0))
    assert "1 of these for the printed size too. Direction: agrees: 1. Size: disagrees: 1." in text


def test_the_pooled_deviation_is_given_with_its_degrees_of_freedom() -> None:
    text = said(2.0, 3.0, 4.0)
    assert "seed to seed, 1.00 points, is pooled over 1 comparison (2 degrees of freedom)" in text
    assert "as a bound where records do not say which images are right, here of all" in text


def test_digits_are_said_to_be_no_evidence_and_what_is_behind_is_named() -> None:
    text = said(-0.5, -0.6, -0.7, stands=Standing("digits"))
    assert text.startswith(
        "Of 1 claim none is tested: digits show that the machinery runs, and are no evidence."
    )
    assert text.endswith(
        "1 of 1 mean gains lie against the claimed direction: x before y (-0.60 points)."
    )


def test_what_was_left_out_is_named() -> None:
    text = said(3.0, 3.1, 3.2, stands=Standing("reduced", seeds=(1,)))
    assert "recipe was chosen on does not count: seed 1. n is what remains" in text


def test_networks_near_chance_are_said_to_be_left_out() -> None:
    text = sentence(judge([paired((1,))], by_width(x={1: 1.0}, y={1: 50.0})))
    assert "Not tested: near chance: 1." in text
    assert "less than 2 times as often as a guess enter no claim" in text


def test_networks_whose_search_did_not_finish_are_said_to_be_left_out() -> None:
    claim = paired((1,))
    known = {
        key: replace(record, sought=({"reached": False},))
        for key, record in by_width(x={1: 90.0}, y={1: 50.0}).items()
    }
    text = sentence(judge([claim], known))
    assert "Not tested: search not finished: 1." in text
    assert "a search that did not reach its budget enter no claim" in text


def test_comparisons_of_nets_that_were_not_trained_alike_are_counted() -> None:
    claim = paired(SEEDS)
    found = gaining(claim, 3.0, 3.1, 3.2)
    other = claim.ahead[0].runs[0].key
    mixed = found | {other: replace(found[other], precision="bfloat16")}
    assert "trained alike" not in sentence(judge([claim], found))
    said = "In 1 of 3 comparisons of one seed the nets are not known to be trained alike"
    assert said in sentence(judge([claim], mixed))
    assert said not in sentence(judge([claim], mixed, Standing("digits")))


def test_where_nothing_lies_against_a_claim_that_is_said() -> None:
    assert "None of 1 mean gains lies against the claimed direction." in said(3.0, 3.1, 3.2)


def test_only_some_claims_are_named() -> None:
    claims = [paired((1,), letter) for letter in "abcdefgh"]
    found: dict[str, Record] = {}
    for claim in claims:
        found |= gaining(claim, -1.0)
    text = sentence(judge(claims, found))
    assert text.count("(-1.00 points)") == MOST_NAMED
    assert f"and {len(claims) - MOST_NAMED} more." in text


def test_the_method_is_that_of_the_claims_there_are() -> None:
    pair, curves = paired(SEEDS), Claim("x before y", curve("x", 1, 2), curve("y", 1, 2))
    assert method(judge([], {})) == ""
    only = method(judge([pair], {}))
    assert PAIRS in only and CURVES not in only
    assert only.endswith("one seed decides nothing ({doc}`methods`).")
    assert PAIRS not in method(judge([curves], {})) and CURVES in method(judge([pair, curves], {}))
    assert f"{SIZES} ({{doc}}`methods`)." in method(judge([replace(pair, size=Size(1, 2))], {}))
    assert method(judge([pair], {}, Standing("reduced"))) == f"{only} {REDUCED}"
