"""The digit of the chapters: one that the shipped net was not trained on, in shares."""

import numpy as np
import pytest

from deepreshape.learn.images.packages import mnist5k
from deepreshape.paper.chapters import digit

pytestmark = pytest.mark.long


def test_the_digit_is_a_seven_that_is_tested_on() -> None:
    _, (images, labels) = mnist5k()
    same = (images == digit.digit()).all(axis=(1, 2, 3))
    assert labels[same].tolist() == [7]


def test_shares_add_up_to_the_image() -> None:
    image = digit.digit()
    client, server = digit.split(image, 0)
    assert np.array_equal(client + server, image)


def test_shares_have_every_brightness() -> None:
    """Of a picture that is mostly black."""
    for share in digit.split(digit.digit(), 0):
        assert len(np.unique(share)) > 250
