"""Networks of one's own by where they are made: `package.module:factory`, as commands name them."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path

from torch import nn

from deepreshape.design import cull, thin
from deepreshape.design.graph import Graph, Place
from deepreshape.learn.modules.reading import net_of, with_relus_of
from deepreshape.learn.modules.watching import ModuleNotTaken
from deepreshape.learn.modules.weights import load_file
from deepreshape.learn.training.nets import Net

_NAME = r"[A-Za-z_][\w.]*"
_EDIT = r"-[CT](?:[1-9]+|\[[^\]#]+\])"
PATTERN = re.compile(
    rf"(?P<source>{_NAME}:{_NAME})(?P<edits>(?:{_EDIT})*)"
    r"(?:#(?P<digest>[0-9a-f]{8}))?(?:@(?P<resolution>[0-9]{1,5})/(?P<classes>[0-9]{1,6}))?"
)
"""Of what `str` of a `Graph` prints; no name of a family has a colon."""
CLASSES = ("num_classes", "classes")
"""What a factory may call the number of its classes."""


def referenced(
    text: str,
    resolution: int | None = None,
    classes: int | None = None,
    weights: Path | None = None,
) -> Net:
    """The net of `package.module:factory`, and of what `str` of its `Graph` prints.

    resolution, classes: override what stands behind `@` (32, and as many as the factory makes,
    where nothing does). weights: a file that is loaded into the module first. Raises ModuleNotTaken
    as `module_of` and `net_of` do, and where the text has a digest that the layers have no more;
    DesignError for an edit that finds no ReLUs; WeightsDoNotFit.
    """
    found = _matched(text)
    size = resolution or int(found["resolution"] or 32)
    number = classes or (int(found["classes"]) if found["classes"] else None)
    module = module_of(found["source"], number)
    if weights is not None:
        load_file(module, weights)
    whole = net_of(module, size, found["source"])
    graph = _edited(whole.network, found["edits"])
    if number is not None and graph.classes != number:
        raise ModuleNotTaken(f"{found['source']} gives {graph.classes} logits, not {number}")
    if found["digest"] not in (None, graph.digest):
        raise ModuleNotTaken(
            f"{found['source']} has other layers than those of {text}: its code is another by now"
        )
    return with_relus_of(whole, graph)


def module_of(reference: str, classes: int | None = None) -> nn.Module:
    """The module that `package.module:factory` makes, or that stands under that name.

    A factory is called without arguments, and with `num_classes` or `classes` where `classes` is
    given. What is in the working directory can be named. Raises ModuleNotTaken where there is no
    such factory, or what it makes is no module; what it prints and raises is its own.
    """
    found = _matched(reference)["source"]
    module, _, name = found.partition(":")
    made = _named(module, name)
    if not isinstance(made, nn.Module):
        if not callable(made):
            raise ModuleNotTaken(f"{reference} is no factory but {type(made).__name__}")
        made = _called(reference, made, classes)
    if not isinstance(made, nn.Module):
        raise ModuleNotTaken(f"{reference} makes no torch.nn.Module but {type(made).__name__}")
    return made


def _matched(text: str) -> re.Match[str]:
    found = PATTERN.fullmatch(text)
    if found is None:
        shown = text if len(text) <= 80 else text[:80] + "..."
        raise ModuleNotTaken(f"{shown!r} does not look like package.module:factory")
    return found


def _edited(network: object, edits: str) -> Graph:
    assert isinstance(network, Graph)
    for edit in re.findall(_EDIT, edits):
        inside = edit[2:]
        places: list[Place] = (
            [*inside[1:-1].split(",")] if inside[0] == "[" else [int(digit) for digit in inside]
        )
        network = (cull if edit[1] == "C" else thin)(network, places)
    return network


def _named(module: str, name: str) -> object:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        found: object = importlib.import_module(module)
    except Exception as error:
        raise ModuleNotTaken(f"{module} cannot be imported: {_line(error)}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise ModuleNotTaken(f"{module} has no {name}")
        found = getattr(found, part)
    return found


def _called(reference: str, factory: Callable[..., object], classes: int | None) -> object:
    arguments = {}
    if classes is not None:
        known = inspect.signature(factory).parameters
        open_ended = any(each.kind is each.VAR_KEYWORD for each in known.values())
        name = next((each for each in CLASSES if each in known), None)
        if name or open_ended:
            arguments = {name or CLASSES[0]: classes}
    try:
        return factory(**arguments)
    except Exception as error:
        raise ModuleNotTaken(f"{reference} cannot be made: {_line(error)}") from error


def _line(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
