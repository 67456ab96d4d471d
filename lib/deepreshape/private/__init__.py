"""What private inference costs, by a model and by doing it: client, server, what they compute.

For a program as the command line has it there are `Server` and `Client`. Public are besides, of the
modules,

    clients              Clients, Allowed, Overdrawn
    entrance             Entrance
    latency              latency, layer_latencies, Latency, Operations
    predicted            timing
    program.quantise     Precision
    program.compiled     compiled, Compiled, agreement, Agreement
    program.model        Model, read, write
    program.reference    logits
    sessions             both, Both, ready, over
    asking               classify, Classified, Outcome
    serving              serve
    wire.keys            make, certificate, Certificate
    wire.link            Address, listen, Link
    wire.sealed          lock, Lock
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepreshape.private.parties import Answer, Client, Server, Unfinished
else:
    from deepreshape.lazily import lazily

    PARTIES = ("deepreshape.private.parties", "private")
    __getattr__ = lazily(
        __name__,
        {
            "Answer": PARTIES,
            "Client": PARTIES,
            "Server": PARTIES,
            "Unfinished": PARTIES,
        },
    )

__all__ = ["Answer", "Client", "Server", "Unfinished"]
