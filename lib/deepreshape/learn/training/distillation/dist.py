"""DIST (Huang et al., 2022)."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, softmax

from deepreshape.learn.training.distillation.base import Distillation
from deepreshape.learn.training.values import as_floats, require_not_negative, require_positive

SMALLEST = 1e-8
"""Length of deviations below which they are taken for none."""


@dataclass(frozen=True, slots=True)
class DIST(Distillation):
    """Distillation from a stronger teacher by correlations (Huang et al., "Knowledge distillation
    from a stronger teacher", 2022): CE + T^2 (beta inter + gamma intra).

    Of the probabilities of student and teacher, inter is 1 - Pearson's correlation over the classes
    of an image, in the mean over images; intra is the same over the images of a class, in the mean
    over classes. The student need not match the teacher's probabilities, only what is linear in
    them.
    """

    beta: float = 2.0
    gamma: float = 2.0
    temperature: float = 4.0

    def __post_init__(self) -> None:
        as_floats(self, "beta", "gamma", "temperature")
        require_positive(self, "temperature")
        require_not_negative(self, "beta", "gamma")

    def loss(
        self, student: Tensor, teacher: Tensor, labels: Tensor, epoch: int, smoothing: float = 0.0
    ) -> Tensor:
        hard = cross_entropy(student, labels, label_smoothing=smoothing)
        t = self.temperature
        ours, theirs = softmax(student / t, dim=1), softmax(teacher / t, dim=1)
        inter = 1 - pearson(ours, theirs).mean()
        intra = 1 - pearson(ours.T, theirs.T).mean()
        return hard + t**2 * (self.beta * inter + self.gamma * intra)


def pearson(left: Tensor, right: Tensor) -> Tensor:
    """Pearson's correlation (n,) of each row of two tensors (n, k); 0 where one is constant."""
    left = left - left.mean(dim=1, keepdim=True)
    right = right - right.mean(dim=1, keepdim=True)
    return cosine_similarity(left, right, dim=1, eps=SMALLEST)
