"""The strip of words under a picture, the records behind it, and what they would cost anew."""

from dataclasses import replace

from deepreshape.paper.trained.experiments import find, runs_of
from deepreshape.paper.trained.profiles import EVIDENCE, PROFILES
from deepreshape.paper.trained.strip import GPU, costs, keys, strip
from tests.paper.records import record, records

SHORT = PROFILES["short"]
POINTS = find("table6").drawn(SHORT, seeds=(2, 3))
FOUND = records(POINTS, lambda *_: 60.0)


def told(text: str) -> dict[str, str]:
    """The parts of a strip by their names."""
    parts = (part.removeprefix("**").split("** ", 1) for part in text.split(" · "))
    return dict(parts)


def test_a_strip_tells_seeds_scale_time_machine_records_and_commit() -> None:
    found = told(strip(SHORT, POINTS, FOUND))
    assert list(found) == ["seeds", "scale", "time", "machine", "records", "commit"]
    assert found["seeds"] == "2, 3"
    assert found["scale"].startswith("CIFAR-100, 6 epochs, the paper's widths times ")
    assert found["time"] == f"{len(FOUND) / 2:.1f} minutes of training"  # half a minute each
    assert found["machine"].startswith("abacus (cpu")
    assert found["records"] == str(len(FOUND))
    assert found["commit"] == "not noted"


def test_what_is_another_on_each_machine_is_left_out_where_it_is_not_wanted() -> None:
    assert list(told(strip(SHORT, POINTS, FOUND, timed=False))) == ["seeds", "scale", "records"]


def test_digits_are_called_digits() -> None:
    points = find("table6").drawn(PROFILES["quick"])
    assert told(strip(PROFILES["quick"], points, {}))["scale"].startswith("digits (mnist5k")


def test_teachers_are_counted_beside_the_runs_that_ask_them() -> None:
    teachers = {run.teacher for run in runs_of(POINTS) if run.teacher is not None}
    both = FOUND | {run.key: record(run, 70.0) for run in teachers}
    expected = f"{len(FOUND)}, and {len(teachers)} that they start or learn from"
    assert told(strip(SHORT, POINTS, both))["records"] == expected
    assert len(keys(POINTS, both)) == len(both)


def test_commits_are_named_and_their_lack_is_said() -> None:
    first, *others = FOUND.values()
    noted = replace(first, environment={**first.environment, "commit": "0123456789abcdef"})
    some = {each.key: each for each in (noted, *others)}
    assert told(strip(SHORT, POINTS, some))["commit"] == "0123456789, of some records not noted"
    assert told(strip(SHORT, POINTS, {noted.key: noted}))["commit"] == "0123456789"


def test_hours_are_told_of_what_takes_more_than_one() -> None:
    long = {key: replace(each, seconds=7200.0) for key, each in FOUND.items()}
    assert told(strip(SHORT, POINTS, long))["time"] == f"{2 * len(long):.1f} hours of training"


def test_a_key_stands_with_its_network_and_seed() -> None:
    run = POINTS[0].runs[0]
    assert keys(POINTS, FOUND)[0] == f"{run.key}  {run.network}, seed 2, done"


def test_costs_grow_with_the_scale() -> None:
    table = costs(find("table6"))
    assert list(table["profile"]) == ["quick", *EVIDENCE]
    assert list(table[f"{GPU} hours"]) == sorted(table[f"{GPU} hours"])
    assert table["images"].iloc[-1] == "cifar100"
