"""What a network learns: data, modules, losses, one training loop, and the store of its records.

Public are, of the modules,

    images.sets        DataSet, parse, load, Images
    training.recipe    Recipe
    training.losses    KD, DKD, DIST
    training.nets      Net, build
    search.searches    SNL, SENet
    runs.run           Run
    runs.record        Record
    runs.store         Store
    runs.executors     Executor, execute
"""
