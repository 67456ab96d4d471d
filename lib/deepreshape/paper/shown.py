"""What a notebook shows of a trained figure or table that it does not lead with."""

from pathlib import Path

from IPython.display import Image, Markdown, display

from deepreshape.paper.figures import pictures
from deepreshape.paper.page import Trained
from deepreshape.paper.printed import comparisons

DIGITS = (
    "The digits show that the machinery runs, from the first network to the last verdict. They are"
    " no evidence for or against the paper."
)
SMALLER = "Trained on a part of the paper's data: a smaller scale than that of the records above."
ALL = "Nothing besides: the page above shows all that was trained here."


def show_besides(trained: Trained, page: Trained, out: Path, name: str) -> None:
    """Show what was trained here where the page leads with something stronger: where it comes from,
    its picture, numbers and claims. out: the folder of files, whose names begin with `name`."""
    if trained is page or trained.is_evidence:
        display(Markdown(ALL))
        return
    display(Markdown(DIGITS if trained.on_digits else SMALLER))
    display(Markdown(trained.provenance))
    display(Markdown(trained.deviations))
    saved = pictures.save(trained.figure(), out, name)
    display(Image(saved[0]))
    if trained.holes:
        display(Markdown(trained.holes))
    display(comparisons.styled(trained.table(), f"{name}-numbers"))
    display(comparisons.styled(trained.verdicts(), f"{name}-claims"))
    display(Markdown(trained.sentence))
