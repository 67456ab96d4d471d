"""Answers of a net: logits in order, and accuracies in percent."""

import pytest
import torch

from deepreshape.learn.images.sets import Images
from deepreshape.learn.training import evaluate
from deepreshape.learn.training.evaluate import TrainingFailed, accuracy, logits_of
from deepreshape.learn.training.machine import Machine
from tests.learn.tiny import digits, fresh, same, weights


@pytest.fixture(scope="module")
def images() -> Images:
    return digits()


def test_logits_come_in_the_order_of_the_images(images: Images, cpu: Machine) -> None:
    """500 test digits and 100 more, in two parts."""
    net = fresh().eval()
    pictures = torch.cat([images.test.images, images.train.images])[:600]
    x = (pictures.float() - torch.tensor(images.mean)) / torch.tensor(images.std)
    with torch.no_grad():
        expected = net(x.permute(0, 3, 1, 2))
    torch.testing.assert_close(logits_of(net, pictures, images, cpu), expected)


def test_logits_are_in_single_precision_on_every_machine(images: Images, cpu: Machine) -> None:
    half = Machine(cpu.device, "bfloat16")
    exact, rounded = (logits_of(fresh(), images.test.images, images, m) for m in (cpu, half))
    assert rounded.dtype == torch.float32
    assert not rounded.equal(exact)
    torch.testing.assert_close(rounded, exact, rtol=0.1, atol=0.1)


def test_a_net_is_asked_in_evaluation_mode(images: Images, cpu: Machine) -> None:
    net = fresh().train()
    before = weights(net)
    answers = logits_of(net, images.test.images, images, cpu)
    assert same(net.state_dict(), before)
    assert logits_of(net.eval(), images.test.images, images, cpu).equal(answers)


def test_logits_take_no_gradient(images: Images, cpu: Machine) -> None:
    assert not logits_of(fresh(), images.test.images, images, cpu).requires_grad


def test_a_net_that_always_says_three_is_right_one_time_in_ten(
    images: Images, cpu: Machine
) -> None:
    net = fresh()
    head = net.get_submodule("head/logits")
    assert isinstance(head, torch.nn.Linear)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.eye(10)[3])
    assert accuracy(net, images.test, images, cpu) == 10


@pytest.mark.parametrize("answer", ["nan", "inf", "-inf"])
def test_a_logit_that_is_no_number_is_no_answer(images: Images, cpu: Machine, answer: str) -> None:
    """It would be taken for class 0, and that is right one time in ten."""
    net = fresh()
    head = net.get_submodule("head/logits")
    assert isinstance(head, torch.nn.Linear)
    with torch.no_grad():
        head.bias[3] = float(answer)
    count = len(images.test)
    with pytest.raises(TrainingFailed, match=f"logits of {count} of {count} images are not finite"):
        accuracy(net, images.test, images, cpu)


def test_an_accuracy_is_a_share_in_percent(
    images: Images, cpu: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first three of four right: their largest logits are at the labels."""
    logits = torch.eye(10)[images.test.labels]
    logits[len(logits) * 3 // 4 :] *= -1
    monkeypatch.setattr(evaluate, "logits_of", lambda *_: logits)
    assert accuracy(fresh(), images.test, images, cpu) == 75
