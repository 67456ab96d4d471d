"""Names explained: every part once, and what it says is true of the network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import DesignError, cull, hybrenet, parse, quadratic, reuse, thin
from deepreshape.paper.chapters.names import explained

WHOLE = "R34-HRN-4x6x3x(m=16)-C1-T234-Q1-Re8@64/200"


def test_every_part_of_a_name_is_explained() -> None:
    assert [part.text for part in explained(WHOLE)] == [
        *("R34", "HRN", "4x", "6x", "3x", "(m=16)", "C1", "T234", "Q1", "Re8", "@64/200")
    ]


@given(
    st.tuples(*[st.integers(2, 9)] * 3).filter(lambda factors: len(set(factors)) > 1),
    st.sampled_from([8, 16, 32]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 4, 8]),
    st.sampled_from(["18", "34"]),
)
def test_parts_put_together_are_the_name(
    factors: tuple[int, int, int], m: int, culled: bool, removed: bool, n: int, base: str
) -> None:
    network = hybrenet(*factors, m=m, base=base)
    network = cull(network, [1]) if culled else network
    network = thin(network, [2, 3, 4])
    network = quadratic(network) if removed else network
    network = reuse(network, n) if n else network
    joined = "".join(part.text for part in explained(network.name))
    assert joined == network.name.replace("-", "")


def test_widths_are_the_networks() -> None:
    says = [part.says for part in explained("HRN-2x5x3x(m=8)")]
    assert says[1:] == [
        "α = 2: 16 channels in stage 2",
        "β = 5: 80 channels in stage 3",
        "γ = 3: 240 channels in stage 4",
        "stem and stage 1: 8 channels",
    ]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ("C1", "culled: no ReLU in the stem and stage 1"),
        ("C0", "culled: no ReLU in the stem"),
        ("T23", "thinned: one ReLU of two in stages 2 and 3"),
        ("C1-Q1", "polynomials for the ReLUs removed in stage 1"),
        ("Re4", "ReLU-reuse: 1/4 of the channels keep ReLUs"),
        ("Re4s", "ReLU-reuse: 1/4 of the channels keep ReLUs, 4 groups apart"),
        ("ReAll4", "ReLU-reuse: 1/4 of the channels keep ReLUs in every layer with a ReLU"),
    ],
)
def test_edits_say_what_they_do(edit: str, says: str) -> None:
    assert explained(f"HRN-2x5x3x(m=16)-{edit}")[-1].says == says


def test_blocks_are_the_networks() -> None:
    name = "R34-HRN-2x6x3x(m=16)"
    assert parse(name).depths == (3, 4, 6, 3)
    assert explained(name)[1].says == "a HybReNet: 3, 4, 6 and 3 blocks in the stages"


@pytest.mark.parametrize("name", ["ResNet18", "WRN22x8", "no such net"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(DesignError):
        explained(name)
