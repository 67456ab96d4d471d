"""DeepReShape: networks for private inference, designed, counted, trained and compared.

Floors, each importing only from those before it: `design` (what a network is and costs; pure
Python), `learn` (what it learns; torch) and `private` (private inference, modelled and run),
`paper` (what the paper says, and whether it holds), `cli`.

The names here are for a program of few lines. Nothing is imported before it is asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepreshape import design, learn, private
    from deepreshape.design import Limits, Space, suggest
    from deepreshape.design.by_name import count, equalize
    from deepreshape.learn.modules.counting import count_module
    from deepreshape.learn.trained import Trained, train
    from deepreshape.learn.training.recipe import Recipe
    from deepreshape.packed import pack
else:
    from deepreshape.lazily import lazily

    __getattr__ = lazily(
        __name__,
        {
            "count": ("deepreshape.design.by_name",),
            "count_module": ("deepreshape.learn.modules.counting", "train"),
            "design": ("deepreshape.design",),
            "equalize": ("deepreshape.design.by_name",),
            "learn": ("deepreshape.learn",),
            "Limits": ("deepreshape.design",),
            "pack": ("deepreshape.packed", "train", "private"),
            "private": ("deepreshape.private",),
            "Recipe": ("deepreshape.learn.training.recipe", "train"),
            "Space": ("deepreshape.design",),
            "suggest": ("deepreshape.design",),
            "train": ("deepreshape.learn.trained", "train"),
            "Trained": ("deepreshape.learn.trained", "train"),
        },
    )

__version__ = "0.1.0"
__all__ = [
    "Limits",
    "Recipe",
    "Space",
    "Trained",
    "count",
    "count_module",
    "design",
    "equalize",
    "learn",
    "pack",
    "private",
    "suggest",
    "train",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
