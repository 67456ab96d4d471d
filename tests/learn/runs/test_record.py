"""Records alone: what they keep of the answers to test images, read without torch."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.learn.runs.record import packed
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
