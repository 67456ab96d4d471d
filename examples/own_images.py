"""Train on images of your own: python own_images.py FOLDER [EPOCHS].

FOLDER has `train` and `test`, and in each a folder of images for every class. A record is kept with
the weights in build/runs; what is recorded is not trained again.
"""

import sys

import deepreshape

folder, epochs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20
trained = deepreshape.train(
    "HRN-2x5x3x(m=4)-C1-T234",
    f"folder:{folder}[size=32]",
    recipe=deepreshape.Recipe(epochs=epochs, batch=16, rate=0.05),
)
record = trained.record
print(f"{trained.run.network} on {trained.run.data}")
print(f"{record.relus:,} ReLUs, {record.test:.1f} % of the test images right")
print(f"run {record.key}: deepreshape runs show {record.key}")
