"""Distillation on one image, against the losses that networks are trained with."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.learn.training.losses import DKD, KD
from deepreshape.paper.chapters import teaching
from deepreshape.paper.printed import tables

TEACHER = np.array([8.0, 6.0, 4.0, 0.0, -1.0])
STUDENT = np.array([5.0, 2.0, 4.0, 1.0, 0.0])
LOGITS = st.lists(st.floats(-8, 8), min_size=3, max_size=6).map(np.array)


def batch(*logits: np.ndarray) -> list[torch.Tensor]:
    return [torch.tensor(each)[None] for each in logits]


def test_probabilities_add_up_to_one_and_keep_their_order() -> None:
    found = teaching.softmax(TEACHER, 4.0)
    assert found.sum() == pytest.approx(1)
    assert (np.diff(found) < 0).all()


@given(LOGITS, st.data())
def test_the_divergence_is_the_sum_of_its_parts(teacher: np.ndarray, data: st.DataObject) -> None:
    sizes = st.lists(st.floats(-8, 8), min_size=teacher.size, max_size=teacher.size)
    student = np.array(data.draw(sizes))
    found = teaching.parts(teacher, student, 0, 2.0)
    whole = found.target + (1 - found.sure) * found.rest
    assert found.whole == pytest.approx(whole, abs=1e-9)


def test_equal_answers_have_no_divergence() -> None:
    found = teaching.parts(TEACHER, TEACHER + 3, 0)
    assert found[:3] == pytest.approx((0, 0, 0), abs=1e-12)


def test_kd_is_the_loss_that_networks_are_trained_with() -> None:
    loss = KD().loss(*batch(STUDENT, TEACHER), torch.tensor([0]), epoch=0)
    assert teaching.kd(TEACHER, STUDENT, 0) == pytest.approx(float(loss))


def test_dkd_is_the_loss_that_networks_are_trained_with() -> None:
    loss = DKD(beta=2.0).loss(*batch(STUDENT, TEACHER), torch.tensor([0]), epoch=50)
    assert teaching.dkd(TEACHER, STUDENT, 0, beta=2.0) == pytest.approx(float(loss))


def test_leads_are_those_that_table_7_prints() -> None:
    printed = [float(row["improv_acc_pct"]) for row in tables.table("table07")]
    assert teaching.leads()["lead"].tolist() == pytest.approx(printed, abs=0.06)


def test_with_kd_a_lead_is_less_by_what_dkd_gains() -> None:
    frame = teaching.leads()
    gained = frame["HybReNet, DKD (%)"] - frame["HybReNet, KD (%)"]
    assert (frame["lead"] - frame["lead with KD"]).tolist() == pytest.approx(gained.tolist())


def test_a_hybrenet_of_table_7_has_fewer_flops_in_every_row() -> None:
    assert all(
        float(row["hrn_flops_M"]) < float(row["sota_flops_M"]) for row in tables.table("table07")
    )
