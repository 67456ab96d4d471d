"""A trained figure reproduced: with a stub in place of training, and from kept records."""

from dataclasses import replace
from pathlib import Path

import pytest

from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import TEACHERS, Store
from deepreshape.paper import reproduce as module
from deepreshape.paper.reproduce import RECORDED, Reproduced, recorded, reproduce, strongest
from deepreshape.paper.trained import accuracies, conclusions, provenance, strip
from deepreshape.paper.trained.experiments import find, runs_of
from deepreshape.paper.trained.judgements import judge, standing
from deepreshape.paper.trained.profiles import PROFILES
from deepreshape.places import DATA
from tests.paper.records import record

SHORT = PROFILES["short"]


# Reproduced


def test_a_page_has_a_record_for_every_run_and_teacher(
    asked: list[tuple[Run, str]], tmp_path: Path
) -> None:
    page = reproduce("fig12", "smoke", seeds="1,2", device="cpu", store=tmp_path / "runs")
    points = find("fig12").drawn(PROFILES["smoke"], seeds=(1, 2))
    assert page.points == tuple(points)
    assert asked == [(run, "cpu") for run in runs_of(points)]
    teachers = {run.teacher.key for run in runs_of(points) if run.teacher}
    assert set(page.records) == {run.key for run in runs_of(points)} | teachers
    assert (page.experiment, page.size) == (find("fig12"), PROFILES["smoke"])
    assert not page.is_empty


def test_the_picture_leaves_out_panels_with_nothing_to_compare() -> None:
    points = find("fig22").drawn(SHORT, panels="abd")
    alone = [p for p in points if p.panel == "a" or p.series == "Scaling"]
    assert {p.panel for p in alone} == {"a", "b", "d"}
    page = Reproduced(find("fig22"), SHORT, tuple(alone), {})
    assert [axis.get_title()[:3] for axis in page.figure().axes if axis.get_visible()] == ["(a)"]
    page = replace(page, points=tuple(p for p in alone if p.panel == "b"))
    assert [axis.get_title()[:3] for axis in page.figure().axes] == ["(b)"]


def test_a_page_says_of_its_records_what_the_other_rooms_say(
    asked: list[tuple[Run, str]], tmp_path: Path
) -> None:
    page = reproduce("fig12", "quick", seeds="1,2", panels="b", store=tmp_path)
    points, found = page.points, page.records
    claims = page.experiment.claims(list(points))
    assert page.table().equals(accuracies.table(points, found))
    judged = judge(claims, found, standing(page.size, points))
    assert page.judged() == judged
    assert list(page.judgements()["claim"]) == [claim.text for claim in claims]
    assert page.verdict == conclusions.verdict(judged)
    assert page.grounds == conclusions.grounds(judged)
    assert page.strip == strip.strip(page.size, points, found, timed=False)
    assert page.keys == strip.keys(points, found)
    assert page.provenance == provenance.provenance(page.size, points, found, timed=False)
    assert page.method == conclusions.method(judged)
    assert "The teacher, ResNet18(m=16), reaches 50.00 %" in page.provenance
    lines = provenance.deviations(page.experiment, points)
    assert page.deviations == "\n".join(f"- {line}" for line in lines)
    assert page.holes == ""
    assert provenance.caption(page.size, points) in page.figure().get_supxlabel()
    assert asked


def test_holes_are_a_list(asked: list[tuple[Run, str]], kept: Store, tmp_path: Path) -> None:
    for run in runs_of(find("fig3e").drawn(PROFILES["smoke"])):
        kept.put(run, record(run, None))
    page = reproduce("fig3e", "smoke", store=tmp_path / "runs")
    assert [line[:4] for line in page.holes.splitlines()] == ["- (a"] * 3
    assert "the loss is nan" in page.holes


def test_what_the_repository_keeps_is_not_made_again(
    asked: list[tuple[Run, str]], kept: Store, tmp_path: Path
) -> None:
    for run in runs_of(find("fig3e").drawn(PROFILES["smoke"])):
        kept.put(run, record(run, 77.0))
    page = reproduce("fig3e", "smoke", store=tmp_path / "runs")
    assert set(page.table()["test (%)"]) == {"77.00"}
    assert list((tmp_path / "runs").glob("*.json")) == []


def test_an_empty_text_stands_for_the_profiles_own(
    asked: list[tuple[Run, str]], tmp_path: Path
) -> None:
    page = reproduce("fig12", "smoke", dataset="", panels="", store=tmp_path)
    assert page.points == tuple(find("fig12").drawn(PROFILES["smoke"]))


def test_a_data_set_and_panels_may_be_chosen(asked: list[tuple[Run, str]], tmp_path: Path) -> None:
    page = reproduce("fig12", "smoke", "cifar100[per_class=2]", panels="be", store=tmp_path)
    assert {str(run.data) for run in runs_of(page.points)} == {"cifar100[per_class=2]"}
    assert {point.panel for point in page.points} == {"b", "e"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "fig99"}, "'fig99'"),
        ({"profile": "huge"}, "unknown profile 'huge'"),
        ({"dataset": "cifar"}, "unknown data set 'cifar'"),
        ({"panels": "z"}, "no panel 'z'"),
        ({"seeds": ""}, "seeds: '' is not a list of whole numbers such as"),
        ({"seeds": "1;2"}, "'1;2' is not a list"),
        ({"seeds": "-1"}, "a seed lies between"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    asked: list[tuple[Run, str]], tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    chosen = {"name": "fig3e", "profile": "smoke", "store": str(tmp_path)} | changed
    with pytest.raises(ValueError, match=said) as caught:
        reproduce(**chosen)
    assert "\n" not in str(caught.value)
    assert asked == []


# Recorded


def test_records_are_kept_with_the_data() -> None:
    assert RECORDED == DATA / "runs"


def test_nothing_is_drawn_where_nothing_is_recorded(kept: Store) -> None:
    page = recorded("fig3e")
    assert page.is_empty
    assert page.provenance == "No runs of profile **short** are recorded here yet."


def test_nothing_is_drawn_where_there_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECORDED", tmp_path / "nowhere")
    assert recorded("fig3e").is_empty


def test_the_teacher_shown_is_the_one_whose_weights_were_learned_from(kept: Store) -> None:
    (run,) = find("fig12").drawn(SHORT, panels="b")[0].runs
    teacher = run.teacher
    assert teacher
    again = Store(kept.folder / TEACHERS)
    again.folder.mkdir()
    kept.put(teacher, replace(record(teacher, 60.0), weights_digest="gone"))
    again.put(teacher, replace(record(teacher, 61.0), weights_digest="kept"))
    for digest, accuracy in (("kept", 61.0), ("gone", 60.0), ("others", 60.0), (None, 60.0)):
        kept.put(run, replace(record(run, 50.0), teacher_digest=digest))
        assert recorded("fig12").records[teacher.key].test == accuracy


def test_a_point_counts_with_the_seeds_that_it_has(kept: Store) -> None:
    points = find("fig12").drawn(SHORT, seeds=(1, 2, 3), panels="b")
    first, second = points[0], points[1]
    for run in (first.runs[0], first.runs[2], second.runs[1]):
        kept.put(run, record(run, 60.0))
    page = recorded("fig12")
    assert [point.paper for point in page.points] == [first.paper, second.paper]
    assert [[run.seed for run in point.runs] for point in page.points] == [[1, 3], [2]]
    assert list(page.table()["n"]) == [2, 1]
    assert page.holes == ""


def test_what_is_recorded_can_be_drawn_and_judged(kept: Store) -> None:
    """Also where only some points of a figure are there."""
    points = find("fig12").drawn(SHORT, seeds=(1, 2), panels="b")
    for point in points[::2]:
        for run in point.runs:
            kept.put(run, record(run, 60.0))
    page = recorded("fig12", seeds=(1, 2))
    page.figure()
    assert len(page.judgements()) == len(page.experiment.claims(list(page.points)))
    assert "Points: " in page.deviations


def test_the_table_of_claims_leaves_out_what_says_nothing(kept: Store) -> None:
    for run in runs_of(find("fig12").drawn(SHORT, seeds=(2, 3), panels="b")):
        kept.put(run, record(run, 60.0))
    columns = list(recorded("fig12", seeds=(2, 3)).judgements())
    assert {"claim", "n", "± 95 %", "direction", "size"} <= {*columns}
    assert not {"left out", "near chance", "holes"} & {*columns}
    assert recorded("fig18").judgements().empty


def test_pairs_of_another_figure_are_read_where_they_are_recorded(kept: Store) -> None:
    for name in ("fig22", "fig23"):
        for run in runs_of(find(name).drawn(SHORT, seeds=(2, 3), panels="a")):
            kept.put(run, record(run, 60.0))
    page = recorded("fig23", seeds=(2, 3))
    (row,) = [row for row in page.judged().rows if "(Figure 22)" in row.claim.text]
    assert (row.n, row.mean) == (2, 0.0)


def test_only_the_panels_asked_for_are_looked_up(kept: Store) -> None:
    for panel in "ab":
        run = find("table10").drawn(SHORT, panels=panel)[0].runs[0]
        kept.put(run, record(run, 60.0))
    assert {point.panel for point in recorded("table10").points} == {"a", "b"}
    assert {point.panel for point in recorded("table10", panels="a").points} == {"a"}


def test_a_run_that_is_recorded_as_failed_is_a_hole(kept: Store) -> None:
    run = find("fig3e").drawn(SHORT)[0].runs[0]
    kept.put(run, record(run, None))
    page = recorded("fig3e", seeds=(1,))
    assert "the loss is nan" in page.holes
    assert "without a result" in page.provenance


def test_the_teachers_record_is_there_where_it_is_kept(kept: Store) -> None:
    run = find("fig12").drawn(SHORT)[0].runs[0]
    assert run.teacher is not None
    for each in (run, run.teacher):
        kept.put(each, record(each, 60.0))
    assert run.teacher.key in recorded("fig12").records


# The strongest


def quick_page(store: Path, dataset: str = "") -> module.Reproduced:
    return reproduce("table6", "quick", dataset=dataset, store=store)


def test_what_is_recorded_comes_before_digits(
    asked: list[tuple[Run, str]], kept: Store, tmp_path: Path
) -> None:
    run = find("table6").drawn(SHORT)[0].runs[0]
    kept.put(run, record(run, 60.0))
    page = strongest(quick_page(tmp_path))
    assert page.size is SHORT
    assert [point.runs for point in page.points] == [(run,)]


@pytest.mark.parametrize("dataset", ["", "cifar100"], ids=["digits", "a part of CIFAR-100"])
def test_a_page_of_which_nothing_is_recorded_is_its_own_strongest(
    asked: list[tuple[Run, str]], kept: Store, tmp_path: Path, dataset: str
) -> None:
    page = quick_page(tmp_path, dataset)
    assert strongest(page) is page
    assert not page.is_evidence
    assert page.on_digits == (dataset == "")


def test_what_is_trained_at_the_scale_of_the_records_is_merged_with_them(
    asked: list[tuple[Run, str]], kept: Store, tmp_path: Path
) -> None:
    points = find("table6").drawn(SHORT, seeds=(1, 2, 3))
    for run in (points[0].runs[2], points[1].runs[1]):
        kept.put(run, record(run, 60.0))
    page = strongest(reproduce("table6", "short", seeds="1", store=tmp_path))
    assert page.is_evidence
    seeds = [[run.seed for run in point.runs] for point in page.points]
    assert seeds == [[1, 3], [1, 2]] + [[1]] * (len(points) - 2)
    assert set(page.records) >= {run.key for run in runs_of(page.points)}
