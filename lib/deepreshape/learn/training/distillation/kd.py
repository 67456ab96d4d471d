"""Knowledge distillation (Hinton et al., 2015)."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy

from deepreshape.learn.training.distillation.base import Distillation, divergence
from deepreshape.learn.training.values import as_floats, require_positive


@dataclass(frozen=True, slots=True)
class KD(Distillation):
    """Knowledge distillation (Hinton et al., 2015): hard CE + soft T^2 KL(teacher || student).

    The paper's temperature is 4; its "relative weight to cross-entropy loss as 0.9" (Appendix J) is
    read as 0.9 on the teacher's term and 0.1 on the labels'. SNL's own weights are 1 and 1.
    """

    temperature: float = 4.0
    soft: float = 0.9
    hard: float = 0.1

    def __post_init__(self) -> None:
        as_floats(self, "temperature", "soft", "hard")
        require_positive(self, "temperature")

    def loss(
        self, student: Tensor, teacher: Tensor, labels: Tensor, epoch: int, smoothing: float = 0.0
    ) -> Tensor:
        hard = cross_entropy(student, labels, label_smoothing=smoothing)
        t = self.temperature
        soft = t**2 * divergence(teacher / t, student / t)
        return self.hard * hard + self.soft * soft
