"""Words of a picture that have room."""

from itertools import pairwise

from deepreshape.paper.figures import pictures
from deepreshape.paper.figures.narrow import narrow
from tests.paper.figures.words import faults


def test_labels_that_would_overlap_stand_upright() -> None:
    made = pictures.figure(8, 3)
    (axis,) = made.axes
    axis.set_xticks(range(9), [f"a long label {place}" for place in range(9)])
    narrow(made)
    assert {label.get_rotation() for label in axis.get_xticklabels()} == {90}


def test_no_words_are_cut() -> None:
    made = pictures.figure(8, 4, columns=2)
    made.supxlabel("a caption that says what was run, on which images and with which seeds\nshort")
    for axis in made.axes:
        axis.set_yticks([0, 1], ["a network of a very long name", "and another"])
        axis.set(
            title="(a) two sets of images, the paper", xlabel="printed accuracy (%), CIFAR-100"
        )
        axis.set_ylabel("a label that is longer than its panel is tall, on whichever screen")
    narrow(made)
    assert faults(made) == []


def test_long_names_of_rows_leave_room_to_the_panel() -> None:
    made = pictures.figure(8, 2)
    (axis,) = made.axes
    axis.set_yticks(range(9), [f"a name of {'very ' * row}many words: {row}" for row in range(9)])
    narrow(made)
    made.draw_without_rendering()
    assert axis.get_window_extent().width > 0.4 * made.bbox.width
    boxes = [name.get_window_extent() for name in axis.get_yticklabels()]
    assert all(lower.y1 <= upper.y0 for lower, upper in pairwise(boxes))


def test_words_that_fit_keep_their_line() -> None:
    made = pictures.figure(8, 4, columns=2)
    made.axes[0].set_title("a short title")
    narrow(made)
    assert made.axes[0].get_title() == "a short title"


def test_words_beside_a_mark_stay_in_their_panel() -> None:
    made = pictures.figure(8, 3)
    (axis,) = made.axes
    axis.bar_label(axis.barh([0, 1], [-4, 6]), ["a long way below", "and far above"])
    narrow(made)
    made.draw_without_rendering()
    panel = axis.get_window_extent()
    for box in (text.get_window_extent() for text in axis.texts):
        assert panel.x0 <= box.x0 < box.x1 <= panel.x1
