"""The latency model behind the paper's columns, calibrated on published measurements."""

import csv
from functools import lru_cache

from deepreshape.places import DATA


def garbled_seconds(relus: int) -> float:
    """Seconds of garbled circuits for so many ReLUs (Tables 7 and 8, column GC).

    Garbling at the server and evaluation at the client, shared by four threads:
    112.42 microseconds a ReLU.
    """
    constant = _constants()
    microseconds = constant["server_garbles"] + constant["client_evaluates"]
    return relus * microseconds * 1e-6 / constant["threads"]


@lru_cache
def _constants() -> dict[str, float]:
    with (DATA / "latency" / "garbled_circuits.csv").open(newline="", encoding="utf-8") as file:
        return {row["quantity"]: float(row["value"]) for row in csv.DictReader(file)}
