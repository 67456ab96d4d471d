"""Network -> its layers, in the order in which they are computed.

This list is the one description that cost, torch module, latency model and private program read. A
ReLU that the plan removes is not in the list; whatever used it reads its input instead, unless the
plan has a polynomial in its place.
"""

from deepreshape.design.architectures import Inverted
from deepreshape.design.blocks import Kept, Part, part_layers
from deepreshape.design.graph import AnyNetwork, Graph
from deepreshape.design.network import Network
from deepreshape.design.ops import IMAGE, Layer
from deepreshape.design.relu_plan import STEM, ReluPlan
from deepreshape.design.reuse_module import Divisions


def parts(network: Network) -> tuple[Part, ...]:
    """The stem, the stages and the head of a network, in order."""
    block, plan, side = network.block, network.relus, network.resolution
    channels, last = network.stem, len(network.stages)
    found = [Part("stem", block, 3, channels, 1, 1, side, *_edits(plan, {STEM, 1}))]
    for number, (stage, stride) in enumerate(zip(network.stages, network.strides, strict=True), 1):
        of_stage = Inverted(1, block.features) if number == 1 and type(block) is Inverted else block
        sizes = channels, stage.width, stage.depth, stride, side
        found.append(Part("stage", of_stage, *sizes, *_edits(plan, {number})))
        channels, side = stage.width, side // stride
    found.append(Part("head", block, channels, network.classes, 1, 1, side, *_edits(plan, {last})))
    return tuple(found)


def _edits(plan: ReluPlan, stages: set[int]) -> tuple[Kept, int, Divisions, bool, bool]:
    """What a plan does to the part that counts with these stages: of `Part` all from `kept` on.

    A ReLU-reuse module stands only where its ReLU is, and of a thinned block that is the second.
    """
    quadratic = not plan.quadratic.isdisjoint(stages)
    if not plan.culled.isdisjoint(stages):
        return "none", 1, "three", False, quadratic
    kept: Kept = "all" if plan.thinned.isdisjoint(stages) else "thinned"
    return kept, plan.reuse, plan.divisions, plan.everywhere and kept == "all", quadratic


def layers(network: AnyNetwork) -> tuple[Layer, ...]:
    """All layers of a network (conventions 1, 4 to 7 and 11 to 13 in book/conventions.md).

    The last gives the logits, shape (classes, 1, 1).
    """
    if isinstance(network, Graph):
        return network.listed
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
