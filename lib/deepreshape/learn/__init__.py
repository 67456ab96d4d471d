"""What a network learns: data, modules, losses, one training loop, and the store of its records.

Public are, of the modules,

    images.sets        DataSet, parse, load, Images
    training.recipe    Recipe
    training.losses    KD, DKD, DIST
    training.nets      Net, build
    modules.counting   count_module, ModuleCount
    modules.operations Counts
    modules.reading    net_of, with_relus_of
    modules.weights    load_weights, load_file, WeightsDoNotFit
    modules.watching   ModuleNotTaken
    search.searches    SNL, SENet
    runs.run           Run
    runs.record        Record
    runs.store         Store
    runs.executors     Executor, execute
    runs.crews         Backend, Crew
"""
