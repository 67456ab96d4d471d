"""The messages of a session: every byte belongs to one of them."""

import numpy as np
import pytest

from deepreshape.paper.chapters import messages
from deepreshape.places import DATA
from deepreshape.private.asking import Outcome
from deepreshape.private.program.model import read
from deepreshape.private.sessions import both
from deepreshape.private.wire.traffic import Account, Tally, Traffic


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    model = read(DATA / "models" / "digits.safetensors")
    black = np.zeros((32, 32, 3), np.uint8)
    return both(model, "coefficients", lambda _: [black]).outcome


def test_every_byte_belongs_to_a_message(outcome: Outcome) -> None:
    total = outcome.traffic.total()
    found = messages.sizes(outcome.traffic)
    assert sum(found.values()) == total.sent + total.received


def test_phases_are_those_of_the_account(outcome: Outcome) -> None:
    found = messages.sizes(outcome.traffic)
    for phase in ("offline", "online"):
        of = [name for name in found if messages.MESSAGES[name].phase == phase]
        sent = sum(found[name] for name in of if messages.MESSAGES[name].sender == "client")
        total = outcome.traffic.total(phase)
        assert (sent, sum(found[name] for name in of) - sent) == (total.sent, total.received)


def test_bytes_of_no_known_message_are_an_error(outcome: Outcome) -> None:
    strange = outcome.traffic + Traffic({Account("offline", "nowhere"): Tally(sent=7)})
    with pytest.raises(LookupError, match="7 bytes"):
        messages.sizes(strange)


@pytest.mark.parametrize(
    ("size", "said"), [(20, "20 B"), (24596, "24.6 kB"), (15282436, "15.3 MB"), (999, "999 B")]
)
def test_sizes_are_told_in_one_unit(size: int, said: str) -> None:
    assert messages.shown(size) == said


def test_a_table_has_a_row_for_each_message() -> None:
    frame = messages.table({"image": 24596, "logits": 100})
    assert frame["message"].tolist() == ["image", "logits"]
    assert frame["size"].tolist() == ["24.6 kB", "100 B"]


def test_most_bytes_are_of_garbled_circuits_and_most_travel_before_the_picture(
    outcome: Outcome,
) -> None:
    found = messages.sizes(outcome.traffic)
    half = sum(found.values()) / 2
    assert sum(found[name] for name in found if messages.MESSAGES[name].phase == "offline") > half
    assert max(found, key=found.__getitem__) == "tables"
    assert sum(found.get(name, 0) for name in messages.JOINT) > half


def test_online_is_far_less_than_offline_and_mostly_labels(outcome: Outcome) -> None:
    """As the alternative text of the chapter's picture says; ciphertexts come next offline."""
    found = messages.sizes(outcome.traffic)
    phases = {
        phase: {
            name: size for name, size in found.items() if messages.MESSAGES[name].phase == phase
        }
        for phase in ("offline", "online")
    }
    online, offline = phases["online"], phases["offline"]
    assert 2 * sum(online.values()) < sum(offline.values())
    assert online["labels"] > sum(online.values()) / 2
    rest = sum(offline.values()) - offline["tables"]
    assert offline["shares"] + offline["answers"] > rest / 2
