"""The progress line of a campaign: how much of a device's peak is used."""

import pytest

from deepreshape.design import cost
from deepreshape.learn.runs.campaign import Campaign
from tests.learn.tiny import NETWORK, RUN


def said(peak: float | None, images: int) -> str:
    """What the line says of the peak, a second after the start."""
    with Campaign([RUN], show=False, peak=peak) as campaign:
        task = campaign._bar.tasks[0]
        task.start_time = task.get_time() - 1.0
        campaign.advance(RUN, images)
        return str(task.fields["share"])


@pytest.mark.parametrize(("share", "expected"), [(0.25, "25 %"), (0.5, "50 %")])
def test_the_line_says_what_share_of_the_peak_is_reached(share: float, expected: str) -> None:
    """Forward and backward take three times the multiply-accumulates of an image."""
    done = 3 * 20 * cost(NETWORK).macs
    assert said(done / share, 20) == f", {expected} of the peak"


def test_where_no_peak_is_known_nothing_is_said() -> None:
    assert said(None, 20) == ""


def test_what_was_trained_in_an_earlier_sitting_is_no_share() -> None:
    assert said(1e9, 80) == ", 0 % of the peak"
