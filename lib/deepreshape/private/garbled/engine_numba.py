"""Half gates in numba: a circuit is done for a group of elements before the next group begins."""

import numpy as np

from deepreshape.private.garbled.half_gates import GROUP, LABEL, Labels, Octets, Schedule
from deepreshape.private.garbled.kernels import run_groups, width

NO_FLIPS = np.zeros((4, 3, 2), np.uint64)


class NumbaEngine:
    """The engine for processors with AES instructions."""

    def __init__(self, schedule: Schedule, lanes: int | None = None) -> None:
        self._schedule = schedule
        self._lanes = (0,) * (width() if lanes is None else lanes)
        self._places = np.zeros((schedule.places, GROUP, 2), np.uint64)
        # The tables of a group that is not full pass through these.
        self._spare = np.zeros((schedule.circuit.and_gates, 2, GROUP, 2), np.uint64)

    def garble(
        self,
        keys: Octets,
        offset: Labels,
        garbler: Labels,
        evaluator: Labels,
        tables: Octets,
        colours: Octets,
    ) -> None:
        flips = np.zeros((4, 3, 2), np.uint64)
        flips[1::2, 0] = flips[2:, 1] = flips[:, 2] = offset
        self._run(True, flips, keys, garbler, evaluator, tables, colours)

    def evaluate(
        self, keys: Octets, garbler: Labels, evaluator: Labels, tables: Octets, colours: Octets
    ) -> None:
        self._run(False, NO_FLIPS, keys, garbler, evaluator, tables, colours)

    def _run(
        self,
        garbles: bool,
        flips: Labels,
        keys: Octets,
        garbler: Labels,
        evaluator: Labels,
        tables: Octets,
        colours: Octets,
    ) -> None:
        """The full groups where their tables lie, then the rest by way of the spare tables."""

        def groups(of: slice, tables: Labels | Octets) -> None:
            run_groups(
                garbles,
                self._schedule.instructions,
                self._places,
                flips,
                garbler[of],
                evaluator[of],
                keys,
                tables.ctypes.data,
                colours[:, of],
                self._lanes,
            )

        count = len(garbler)
        full = count - count % GROUP
        groups(slice(full), tables)
        if full < count:
            cut = tables[full * len(keys) * 2 * LABEL :].view(np.uint64)
            last = cut.reshape(len(keys), 2, count - full, 2)
            spare = self._spare[:, :, : count - full]
            if not garbles:
                spare[...] = last
            groups(slice(full, count), self._spare)
            if garbles:
                last[...] = spare
