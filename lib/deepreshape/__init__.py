"""DeepReShape: networks for private inference, designed, counted, trained and compared.

Floors, each importing only from those before it: `design` (what a network is and costs; pure
Python), `learn` (what it learns; torch) and `private` (private inference, modelled and run),
`paper` (what the paper says, and whether it holds), `cli`.
"""

__version__ = "0.1.0"
