"""What an operation of PyTorch costs in private inference, and what is not known of others."""

from math import inf, prod
from typing import NamedTuple

from torch import Tensor

from deepreshape.learn.modules.watching import Call


class Counts(NamedTuple):
    """Counts for one image.

    relus: ReLU evaluations, a ReLU6 as one. macs: multiply-accumulates of convolutions and of
    products with weights. parameters: learned numbers. batchnorm: BatchNorm output elements.
    comparisons: what is compared beside ReLUs: one less than the window has elements for each
    output of a max pooling, and one for the upper bound of each ReLU6.
    """

    relus: int = 0
    macs: int = 0
    parameters: int = 0
    batchnorm: int = 0
    comparisons: int = 0

    def plus(self, other: "Counts") -> "Counts":
        return Counts(*map(sum, zip(self, other, strict=True)))


def names_in(text: str) -> frozenset[str]:
    """Names between spaces."""
    return frozenset(text.split())


FREE = names_in(
    "view _unsafe_view _reshape_alias reshape permute transpose t expand squeeze unsqueeze slice"
    " select split split_with_sizes unsafe_split unbind cat stack clone detach alias copy _to_copy"
    " lift_fresh constant_pad_nd reflection_pad2d replication_pad2d roll flip repeat pixel_shuffle"
    " pixel_unshuffle channel_shuffle native_channel_shuffle index_select as_strided unfold im2col"
    " upsample_nearest2d upsample_bilinear2d"
    " add sub rsub neg sum mean cumsum avg_pool1d avg_pool2d avg_pool3d _adaptive_avg_pool2d"
    " _adaptive_avg_pool3d zeros_like ones_like full_like empty_like rand_like randn_like new_zeros"
    " new_ones new_full new_empty"
    " gt lt ge le eq ne isnan isinf isfinite logical_and logical_or logical_not any all equal"
    " is_nonzero _local_scalar_dense _assert_async item sym_size"
)
"""Sums and moves, which cost nothing on shares; and comparisons, on which control flow depends but
no number of the answer: what reads their results as numbers is not among these."""
NORMALISATIONS = names_in(
    "native_batch_norm cudnn_batch_norm miopen_batch_norm _native_batch_norm_legit"
    " _native_batch_norm_legit_no_training _batch_norm_with_update"
)
MAX_POOLS = {"max_pool2d_with_indices": 2, "max_pool3d_with_indices": 3}
"""With the number of their dimensions."""
FACTORS = {
    "convolution": ("input", "weight"),
    "addmm": ("mat1", "mat2"),
    "mm": ("self", "mat2"),
    "bmm": ("self", "mat2"),
    "baddbmm": ("batch1", "batch2"),
    "mv": ("self", "vec"),
    "addmv": ("mat", "vec"),
    "mul": ("self", "other"),
    "div": ("self", "other"),
}
"""Products, with the names of what they multiply."""
WORDS = {
    "gelu": "GELU",
    "silu": "SiLU",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "_softmax": "softmax",
    "_log_softmax": "log-softmax",
    "hardswish": "hardswish",
    "hardsigmoid": "hardsigmoid",
    "elu": "ELU",
    "leaky_relu": "leaky ReLU",
    "_prelu_kernel": "PReLU",
    "prelu": "PReLU",
    "mish": "Mish",
    "softplus": "softplus",
    "native_layer_norm": "layer normalisation",
    "native_group_norm": "group normalisation",
    "_native_multi_head_attention": "attention",
    "_transformer_encoder_layer_fwd": "attention",
    "_scaled_dot_product_flash_attention_for_cpu": "attention",
    "_scaled_dot_product_flash_attention": "attention",
    "_scaled_dot_product_efficient_attention": "attention",
    "_scaled_dot_product_attention_math": "attention",
    "lstm": "recurrent layer",
    "gru": "recurrent layer",
    "mkldnn_rnn_layer": "recurrent layer",
    "hardtanh": "hardtanh",
    "where": "choice by value (where)",
    "pow": "power",
}
"""What operations that are not counted are called."""


def storage(tensor: Tensor) -> int:
    """What a weight and its transpose share, also where they hold no numbers."""
    return int(tensor.untyped_storage()._cdata)


def called(call: Call) -> str:
    """What an operation is, in words."""
    if call.name in FACTORS:
        return "product of two activations"
    if call.name in NORMALISATIONS:
        return "normalisation by the image's own statistics"
    return WORDS.get(call.name, call.name)


def cost_of(call: Call) -> Counts | None:
    """What an operation costs; None where it is not known, or none of those that are counted."""
    elements = call.gives[0].numel() if call.gives else 0
    if call.name in FREE:
        return Counts()
    if call.name in FACTORS:
        return _product(call)
    if call.name in NORMALISATIONS:
        by_image = call.arguments.get("training", False)
        return None if by_image else Counts(batchnorm=elements)
    if call.name in MAX_POOLS:
        window = call.arguments["kernel_size"]
        size = prod(window) if len(window) > 1 else window[0] ** MAX_POOLS[call.name]
        return Counts(comparisons=elements * (size - 1))
    if call.name == "adaptive_max_pool2d":
        read = call.reads[0]
        sides = zip(read.shape[-2:], call.gives[0].shape[-2:], strict=True)
        even = all(side % kept == 0 for side, kept in sides)
        return Counts(comparisons=read.numel() - elements) if even else None
    if (bound := relu_bound(call)) is not None:
        return Counts(relus=elements, comparisons=0 if bound == inf else elements)
    return None


def _product(call: Call) -> Counts | None:
    """None where both factors depend on the image, or what it divides by."""
    left, right = FACTORS[call.name]
    if call.depends(right) and (call.depends(left) or call.name == "div"):
        return None
    if call.name in ("mul", "div"):
        return Counts()
    factors = call.arguments[left].shape, call.arguments[right].shape
    if call.name == "convolution":
        if call.depends(right):
            return None
        read = call.arguments["input"] if call.arguments["transposed"] else call.gives[0]
        return Counts(macs=read.numel() * prod(factors[1][1:]))
    return Counts(macs=prod(factors[0]) * prod(factors[1][len(factors[0]) - 1 :]))


def relu_bound(call: Call) -> float | None:
    """Of a ReLU in any of its forms the number above which it is constant, infinity without one;
    None where an operation is no ReLU."""
    least, most = _bounds(call)
    return most if least == 0 and most is not None and most > 0 else None


def _bounds(call: Call) -> tuple[float | None, float | None]:
    """Between which numbers an operation clamps."""
    given = call.arguments
    match call.name:
        case "relu":
            return 0, inf
        case "relu6":
            return 0, 6
        case "clamp_min":
            return _number(given["min"]), inf
        case "clamp":
            most = given.get("max")
            return _number(given.get("min")), inf if most is None else _number(most)
        case "hardtanh":
            return _number(given["min_val"]), _number(given["max_val"])
        case "threshold":
            same = given["threshold"] == given["value"]
            return (_number(given["threshold"]), inf) if same else (None, None)
        case _:
            return None, None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
