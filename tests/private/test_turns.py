"""Whose turn it is: when a place is given up, and by whom."""

import pytest

from deepreshape.private import turns
from deepreshape.private.turns import GRACE, RATE, SLOW, TURN, Places, Turn
from deepreshape.private.wire.pipe import TurnOver


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(turns, "monotonic", lambda: made.now)
    return made


@pytest.fixture
def places(clock: Clock) -> Places:
    return Places(2)


def gives_way(turn: Turn) -> bool:
    """Does a session that waits for its client see that it has to go?"""
    try:
        turn.waited(0.0, 0)
    except TurnOver:
        return True
    return False


def image(turn: Turn) -> None:
    """Waits for a client that prepares an image, and then for the image."""
    for prepared in (0, 1):
        with turn.between_images(prepared):
            pass


def test_who_rests_gives_way_after_the_grace_and_only_if_another_waits(
    places: Places, clock: Clock
) -> None:
    turn = places.turn(0)
    with turn.between_images(0):
        for seconds, count, gone in ((GRACE - 0.1, 1, False), (0.1, 0, False), (0.0, 1, True)):
            clock.now += seconds
            places.claim(count, [0])
            assert gives_way(turn) is gone


def test_as_many_give_way_as_are_waited_for(places: Places, clock: Clock) -> None:
    first, second = places.turn(0), places.turn(1)
    with first.between_images(0), second.between_images(0):
        clock.now += 2 * GRACE
        places.claim(1, [0, 1])
        assert gives_way(first) + gives_way(second) == 1
        places.claim(2, [0, 1])
        assert gives_way(first) and gives_way(second)
        places.claim(0, [0, 1])
        assert not gives_way(first) and not gives_way(second)


def test_who_rests_goes_before_who_is_at_work(places: Places, clock: Clock) -> None:
    busy, idle = places.turn(0), places.turn(1)
    image(busy)
    with idle.between_images(0):
        clock.now += TURN
        places.claim(1, [0, 1])
        assert gives_way(idle)
        image(busy)  # and is not asked to go


def test_a_turn_ends_between_two_images(places: Places, clock: Clock) -> None:
    turn = places.turn(0)
    image(turn)
    clock.now += TURN
    places.claim(1, [0])
    assert not gives_way(turn)
    with pytest.raises(TurnOver), turn.between_images(0):
        pass


def test_a_turn_is_an_image_at_least(places: Places, clock: Clock) -> None:
    turn = places.turn(0)
    clock.now += 10 * TURN
    places.claim(1, [0])
    image(turn)
    with pytest.raises(TurnOver):
        image(turn)


def test_a_turn_ends_where_more_are_prepared_too(places: Places, clock: Clock) -> None:
    turn = places.turn(0)
    for prepared in (0, 1, 2):
        with turn.between_images(prepared):
            pass
    clock.now += TURN
    places.claim(1, [0])
    with pytest.raises(TurnOver), turn.between_images(1):
        pass


def test_an_image_that_is_prepared_has_begun(places: Places, clock: Clock) -> None:
    turn = places.turn(0)
    with turn.between_images(0):
        pass
    with turn.between_images(1):
        clock.now += 2 * GRACE
        places.claim(1, [0])
        assert not gives_way(turn)
        turn.waited(SLOW, 0)
        places.claim(1, [0])
        assert gives_way(turn)


def test_who_keeps_the_server_waiting_gives_way_within_an_image(places: Places) -> None:
    turn = places.turn(0)
    image(turn)
    turn.waited(SLOW, 0)
    places.claim(1, [0])
    assert gives_way(turn)


def test_a_byte_now_and_then_does_not_help(places: Places) -> None:
    turn = places.turn(0)
    image(turn)
    for _ in range(int(SLOW) + 1):
        turn.waited(1.0, 1)
    places.claim(1, [0])
    assert gives_way(turn)


def test_who_sends_at_the_rate_is_never_too_slow(places: Places) -> None:
    turn = places.turn(0)
    image(turn)
    for _ in range(10 * int(SLOW)):
        turn.waited(1.0, int(RATE))
    places.claim(1, [0])
    assert not gives_way(turn)


def test_what_was_sent_fast_buys_no_silence(places: Places) -> None:
    turn = places.turn(0)
    image(turn)
    turn.waited(0.1, int(1000 * RATE))
    turn.waited(SLOW, 0)
    places.claim(1, [0])
    assert gives_way(turn)


def test_each_image_is_measured_anew(places: Places) -> None:
    turn = places.turn(0)
    for _ in range(10):
        image(turn)
        turn.waited(SLOW - 1, 0)
    places.claim(1, [0])
    assert not gives_way(turn)


def test_a_place_is_taken_over_without_what_its_last_session_left(
    places: Places, clock: Clock
) -> None:
    places.turn(0).waited(2 * SLOW, 0)
    clock.now += 2 * TURN
    places.claim(1, [0])
    turn = places.turn(0)
    places.claim(1, [0])
    assert not gives_way(turn)
