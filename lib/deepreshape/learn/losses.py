"""What training minimises."""

from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax


def distillation(
    student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, weight: float
) -> Tensor:
    """Knowledge distillation (Hinton et al., 2015): (1 - w) CE + w T^2 KL(teacher || student).

    student, teacher: logits (n, classes). labels: (n,). The paper's temperature is 4; its
    "relative weight to cross-entropy loss as 0.9" (Appendix J) is read as w = 0.9 on this term.
    """
    divergence = kl_div(
        log_softmax(student / temperature, dim=1),
        log_softmax(teacher / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    hard = cross_entropy(student, labels)
    return (1 - weight) * hard + weight * temperature**2 * divergence
