"""A lesson of 90 minutes: what to show when, and which exercises are done in it."""

from dataclasses import dataclass

from deepreshape.paper.exercises import EXERCISES, Exercise


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the lesson. page: what is on the screen. do: what is done with it. exercises: their
    names; those of the class fit into the minutes."""

    minutes: int
    page: str
    do: str
    exercises: str = ""

    @property
    def set(self) -> tuple[Exercise, ...]:
        """The exercises of the step."""
        return tuple(named(name) for name in self.exercises.split())


LESSON = (
    Step(
        10,
        "learn-picture",
        "Who may see the picture? Say what client and server each hold. Split one pixel into shares"
        " on the board, then let the class do it with numbers of their own.",
        "second_share possible_pixels",
    ),
    Step(
        15,
        "learn-numbers",
        "Draw four stages as boxes, wider and shorter from left to right. Count one block together;"
        " then take a name apart, letter by letter.",
        "stage_two last_width written_name",
    ),
    Step(
        8,
        "learn-criticality",
        "Ask which stage matters most before you show the accuracies. Then sort the four numbers.",
        "printed_order",
    ),
    Step(
        15,
        "learn-equalization",
        "Write the inequality, put in β and γ, and raise α until it holds. Let somebody move the"
        " factors on the screen while the class predicts.",
        "least_alpha",
    ),
    Step(
        15,
        "learn-fewer",
        "Cull the least critical stage, thin the others, and follow the count. In pairs, by hand.",
        "culled thinned",
    ),
    Step(
        12,
        "learn-cost",
        "First the seconds that the paper's model gives, then what was measured here, then the"
        " bytes on a slow wire. Which of the three would you optimise?",
        "seconds_of_relus on_the_wire",
    ),
    Step(
        10,
        "status",
        "Filter the claims by verdict. Choose one that is undecided: what would decide it, and what"
        " would that cost?",
        "judged",
    ),
    Step(
        5,
        "exercises",
        "One sentence from each corner of the room: what to remember. Who wants more takes a"
        " project home.",
    ),
)


def named(name: str) -> Exercise:
    """The exercise of that name. Raises LookupError."""
    found = next((each for each in EXERCISES if each.name == name), None)
    if found is None:
        raise LookupError(f"there is no exercise {name}")
    return found
