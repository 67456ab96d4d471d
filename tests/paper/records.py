"""Records that no training made: for tests of what is drawn and said from records."""

from collections.abc import Callable, Iterable

from deepreshape.design import cost
from deepreshape.learn.runs.run import Record, Run
from deepreshape.paper.trained.experiments import Point


def record(run: Run, test: float | None, validation: float | None = None) -> Record:
    """A record with these accuracies; a failed one without a test accuracy."""
    counts = cost(run.network)
    return Record(
        key=run.key,
        status="failed" if test is None else "done",
        run=run.describe(),
        validation=test if validation is None else validation,
        test=test,
        relus=counts.total_relus if run.search is None else run.search.budget,
        stage_relus=counts.stage_relus,
        macs=counts.macs,
        params=counts.params,
        curve=(),
        precision="float32",
        seconds=30.0,
        data_digest="",
        weights_digest=None,
        environment={
            "processor": "abacus",
            "device": "cpu",
            "threads": 2,
            "torch": "2.0",
            "python": "3.11",
        },
        error="the loss is nan" if test is None else None,
        threads=(2,),
    )


def records(
    points: Iterable[Point], accuracy: Callable[[Point, int], float | None]
) -> dict[str, Record]:
    """A record for every run, by key; `accuracy` is called with the point and the run's seed."""
    made = [record(run, accuracy(point, run.seed)) for point in points for run in point.runs]
    return {each.key: each for each in made}
