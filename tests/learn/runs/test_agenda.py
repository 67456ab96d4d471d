"""What is made next: teachers first, the longest chain first, and never a wait for strangers."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from deepreshape.learn.runs import agenda as agenda_module
from deepreshape.learn.runs.agenda import PAUSES, Agenda, elapsed
from deepreshape.learn.runs.price import Speed, seconds
from deepreshape.learn.runs.run import Run
from tests.learn.tiny import RUN, TAUGHT, TEACHER

MACS_ONLY = Speed(1e-9, 0.0, 0.0, 0.0)
STUDENT, OTHER = TAUGHT, replace(TAUGHT, seed=2)


def epochs(run: Run, count: int) -> Run:
    return replace(run, recipe=replace(run.recipe, epochs=count))


def alone(count: int) -> Run:
    return epochs(RUN, count)


def all_taken(agenda: Agenda) -> list[Run]:
    return list(iter(agenda.take, None))


def made_one_by_one(runs: Iterable[Run]) -> list[Run]:
    agenda, order = Agenda(runs), []
    while (run := agenda.take()) is not None:
        order.append(run)
        agenda.finish(run)
    assert agenda.is_over
    return order


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(agenda_module, "time", made)
    return made


def test_an_agenda_without_runs_is_over() -> None:
    assert Agenda([]).is_over
    assert Agenda([]).take() is None


def test_a_run_that_is_named_twice_is_taken_once() -> None:
    assert all_taken(Agenda([RUN, RUN])) == [RUN]


def test_a_student_waits_for_its_teacher_and_no_one_else() -> None:
    agenda = Agenda([STUDENT, TEACHER, alone(1), alone(2)])
    assert STUDENT not in all_taken(agenda)
    agenda.finish(TEACHER)
    assert agenda.take() == STUDENT


def test_a_student_whose_teacher_is_not_on_the_agenda_waits_for_no_one() -> None:
    assert Agenda([STUDENT]).take() == STUDENT


def test_the_longest_comes_first() -> None:
    assert made_one_by_one([alone(1), alone(3), alone(2)]) == [alone(3), alone(2), alone(1)]


def test_of_equal_ones_the_first_that_was_named_comes_first() -> None:
    assert made_one_by_one([OTHER, STUDENT]) == [OTHER, STUDENT]


def test_a_teacher_with_a_long_student_comes_before_a_longer_run_without() -> None:
    teacher, student = epochs(TEACHER, 2), replace(epochs(STUDENT, 4), teacher=epochs(TEACHER, 2))
    assert made_one_by_one([alone(5), student, teacher]) == [teacher, alone(5), student]


def test_an_agenda_is_over_when_all_that_was_taken_is_finished() -> None:
    agenda = Agenda([RUN])
    agenda.take()
    assert not agenda.is_over
    agenda.finish(RUN)
    assert agenda.is_over


def test_a_run_that_is_put_off_comes_after_all_others(clock: Clock) -> None:
    agenda = Agenda([alone(3), alone(1)])
    first = agenda.take()
    assert first == alone(3)
    agenda.put_off(first)
    clock.now += PAUSES[0]
    assert all_taken(agenda) == [alone(1), alone(3)]


def test_a_run_is_put_off_for_longer_every_time_up_to_a_limit(clock: Clock) -> None:
    agenda = Agenda([RUN])
    pauses = []
    for _ in range(9):
        assert agenda.take() == RUN
        agenda.put_off(RUN)
        before = clock.now
        while agenda.take() is None:
            clock.now += 0.05
        pauses.append(clock.now - before)
        agenda.again(RUN)
    assert pauses[0] == pytest.approx(PAUSES[0], abs=0.1)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(PAUSES[1], abs=0.1)


def test_a_run_that_has_to_be_made_anew_comes_again() -> None:
    agenda = Agenda([RUN])
    assert agenda.take() == RUN
    agenda.again(RUN)
    assert agenda.take() == RUN


def test_who_waits_for_a_run_that_is_given_up_is_struck_too() -> None:
    last = replace(OTHER, teacher=STUDENT)
    agenda = Agenda([TEACHER, STUDENT, last, alone(1)])
    assert all_taken(agenda) == [TEACHER, alone(1)]
    assert agenda.give_up(TEACHER) == [TEACHER, STUDENT, last]
    agenda.finish(alone(1))
    assert agenda.is_over


# How long it takes


def test_a_campaign_takes_the_share_of_each_worker() -> None:
    one = seconds(RUN, MACS_ONLY)
    four = [replace(RUN, seed=seed) for seed in range(4)]
    assert elapsed(four, MACS_ONLY, 1) == pytest.approx(4 * one)
    assert elapsed(four, MACS_ONLY, 2) == pytest.approx(2 * one)
    assert elapsed(four, MACS_ONLY, 8) == pytest.approx(one)
    assert elapsed([], MACS_ONLY, 2) == 0


def test_a_campaign_takes_no_less_than_a_teacher_and_its_longest_student() -> None:
    chain = seconds(TEACHER, MACS_ONLY) + seconds(STUDENT, MACS_ONLY)
    assert elapsed([STUDENT, OTHER, TEACHER], MACS_ONLY, 9) == pytest.approx(chain)


def test_strangers_are_made_beside_a_teacher() -> None:
    """And beside its student, which does not wait for the last of them."""
    one, student = seconds(TEACHER, MACS_ONLY), seconds(STUDENT, MACS_ONLY)
    strangers = [replace(RUN, seed=seed) for seed in (20, 21)]
    taken = elapsed([*strangers, TEACHER, STUDENT], MACS_ONLY, 2)
    assert student > one
    assert taken == pytest.approx(one + student)
