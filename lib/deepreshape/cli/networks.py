"""Networks as commands name them: by a family's name, or by where a module is made."""

from importlib import import_module

from deepreshape.design import AnyNetwork, parse


def is_reference(text: str) -> bool:
    """Does a text name a module by `package.module:factory`? No name of a family has a colon."""
    return ":" in text


def is_module(text: str) -> bool:
    """Is it no more than `package.module:factory`, without what stands behind a `Graph`'s?"""
    return is_reference(text) and not set(text) & set("-#@")


def named(text: str, resolution: int | None = None, classes: int | None = None) -> AnyNetwork:
    """The network of a text. Raises DesignError or ModuleNotTaken."""
    if not is_reference(text):
        return parse(text, resolution, classes)
    # torch is imported for such a network alone.
    references = import_module("deepreshape.learn.modules.references")
    network: AnyNetwork = references.referenced(text, resolution, classes).network
    return network
