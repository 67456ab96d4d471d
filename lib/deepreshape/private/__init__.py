"""What private inference costs, by a model and by doing it: client, server, what they compute.

Public are, of the modules,

    clients              Clients, Allowed, Overdrawn
    entrance             Entrance
    latency              latency, layer_latencies, Latency, Operations
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
