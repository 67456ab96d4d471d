"""Records alone: what they keep of the answers to test images, read without torch."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.learn.runs.record import packed, read, record_of, write
from tests.learn.tiny import RUN
from tests.paper.records import record


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_right_answers_come_back_as_they_were_packed(answers: list[bool]) -> None:
    correct = np.array(answers)
    kept = replace(record(RUN, 50.0), tested=len(answers), right=packed(correct))
    assert np.array_equal(kept.correct, correct)


def test_ten_thousand_answers_take_less_than_two_kilobytes() -> None:
    assert len(packed(np.ones(10_000, bool))) < 2000


def test_a_record_without_answers_has_none() -> None:
    assert record(RUN, 50.0).correct is None


def test_classes_and_files_left_out_come_back(tmp_path: Path) -> None:
    kept = replace(record(RUN, 50.0), classes=("crow", "ö"), left_out=3)
    path = tmp_path / f"{kept.key}.json"
    write(path, kept)
    assert read(path) == kept


def test_a_record_that_does_not_say_them_has_none() -> None:
    fields = json.loads(json.dumps(asdict(record(RUN, 50.0))))
    del fields["classes"], fields["left_out"]
    assert record_of(fields) == record(RUN, 50.0)


@pytest.mark.parametrize("wrong", [{"classes": [1]}, {"classes": 5}, {"left_out": "many"}], ids=str)
def test_a_record_that_says_nonsense_of_them_is_none(wrong: dict[str, object]) -> None:
    fields = json.loads(json.dumps(asdict(record(RUN, 50.0))))
    assert record_of({**fields, **wrong}) is None


@pytest.mark.parametrize(
    ("threads", "said"), [((), "unknown"), ((2,), "2"), ((1, 2, 1), "1, then 2, then 1")]
)
def test_the_sittings_are_said_by_their_threads(threads: tuple[int, ...], said: str) -> None:
    assert replace(record(RUN, 50.0), threads=threads).sittings == said


@pytest.mark.parametrize(
    ("sought", "arrived"),
    [
        ((), True),
        (({"reached": False}, {"reached": True}), True),
        (({"reached": False}, {"reached": False}), False),
        (({"hamming": 0.1},), True),
    ],
    ids=["no search", "SNL", "SNL cut off", "SENet"],
)
def test_a_record_knows_whether_its_search_came_down_to_the_budget(
    sought: tuple[dict[str, object], ...], arrived: bool
) -> None:
    assert replace(record(RUN, 50.0), sought=sought).arrived == arrived


@pytest.mark.parametrize("module", ["record", "migrate"])
def test_records_are_read_without_torch(module: str) -> None:
    program = f"import sys, deepreshape.learn.runs.{module}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"False\n"
