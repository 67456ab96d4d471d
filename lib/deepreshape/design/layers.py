"""Network -> its layers, in the order in which they are computed.

This list is the one description that cost, torch module, latency model and private program read. A
ReLU that the plan removes is not in the list; whatever used it reads its input instead, unless the
plan has a polynomial in its place.
"""

from deepreshape.design.architectures import Inverted
from deepreshape.design.blocks import Kept, Part, part_layers
from deepreshape.design.network import Network
from deepreshape.design.ops import IMAGE, Layer
from deepreshape.design.relu_plan import STEM, ReluPlan
from deepreshape.design.reuse_module import Divisions


def parts(network: Network) -> tuple[Part, ...]:
    """The stem, the stages and the head of a network, in order."""
    block, plan, side = network.block, network.relus, network.resolution
    last = len(network.stages)
    head_kept = _kept_of(network, last)
    stem_kept = "none" if STEM in plan.culled else _kept_of(network, 1)
    stem_reuse = _reuse_of(plan, stem_kept)
    stem_quadratic = not plan.quadratic.isdisjoint({STEM, 1})
    found = [
        Part("stem", block, 3, network.stem, 1, 1, side, stem_kept, *stem_reuse, stem_quadratic)
    ]
    channels = network.stem
    for number, stage in enumerate(network.stages, start=1):
        stride = stage.stride or (1 if number == 1 else 2)
        kept = _kept_of(network, number)
        reuse = _reuse_of(plan, kept)
        of_stage = Inverted(1, block.features) if number == 1 and type(block) is Inverted else block
        sizes = channels, stage.width, stage.depth, stride, side
        found.append(Part("stage", of_stage, *sizes, kept, *reuse, number in plan.quadratic))
        channels, side = stage.width, side // stride
    head = Part("head", block, channels, network.classes, 1, 1, side, head_kept)
    found.append(head._replace(quadratic=last in plan.quadratic))
    return tuple(found)


def _kept_of(network: Network, stage: int) -> Kept:
    plan = network.relus
    return "none" if stage in plan.culled else "thinned" if stage in plan.thinned else "all"


def _reuse_of(plan: ReluPlan, kept: Kept) -> tuple[int, Divisions, bool]:
    """Factor, divisions and everywhere of ReLU-reuse where so many ReLUs are kept: a module stands
    only where its ReLU is, and of a thinned block that is the second."""
    if kept == "none":
        return 1, "three", False
    return plan.reuse, plan.divisions, plan.everywhere and kept == "all"


def layers(network: Network) -> tuple[Layer, ...]:
    """All layers of a network (conventions 1, 4 to 7 and 11 to 13 in book/conventions.md).

    The last gives the logits, shape (classes, 1, 1).
    """
    found: list[Layer] = []
    source = IMAGE
    for stage, part in enumerate(parts(network)):
        place = f"stage{stage}" if part.role == "stage" else part.role
        names = {IMAGE: source}
        for layer in part_layers(part):
            names[layer.name] = f"{place}/{layer.name}"
            inputs = tuple(names[name] for name in layer.inputs)
            found.append(Layer(names[layer.name], layer.op, inputs, layer.shape, stage))
        source = found[-1].name
    return tuple(found)
