"""How to train: `plan`, `run`, `train` and `criticality`, and `runs` for the records."""

from pathlib import Path

import click

from deepreshape.cli.usage.arguments import (
    Numbers,
    Shard,
    data_options,
    executor_option,
    experiment_options,
    json_option,
    machine_options,
    network_options,
    options,
    profile_option,
    store_option,
)
from deepreshape.cli.usage.commands import command

recipe_options = options(
    click.option("--epochs", type=int, help="Epochs; after a search, those of the tuning."),
    click.option("--batch", type=int, help="Images of a step."),
    click.option("--rate", type=float, help="The highest learning rate."),
    click.option("--momentum", type=float, help="Of SGD."),
    click.option("--nesterov/--no-nesterov", default=None, help="Nesterov's momentum."),
    click.option("--weight-decay", type=float, help="Of SGD."),
    click.option("--warmup", type=float, help="Epochs in which the rate rises."),
    click.option(
        "--schedule", type=click.Choice(["cosine", "linear"]), help="How the rate falls to zero."
    ),
    click.option("--shift", type=int, help="Pixels by which images are shifted at most."),
    click.option("--flip/--no-flip", default=None, help="Mirror images at random."),
    click.option("--smoothing", type=float, help="Of the labels."),
    click.option("--small", type=float, help="Share of the epochs with images of half the side."),
)
"""What of a `learn.training.recipe.Recipe` is not as the profile has it."""


@command(
    "plan",
    click.argument("names", nargs=-1, metavar="[NAME]..."),
    experiment_options,
    click.option(
        "--open", "only_open", is_flag=True, help="Price the claims that are not decided."
    ),
    click.option("--gpu", default="A100", help="One of data/gpus.csv."),
    click.option("--probe", is_flag=True, help="Measure this machine anew."),
    machine_options,
    store_option,
    json_option,
)
def plan() -> None:
    """Price what figures or tables train, without training it.

    NAME is one such as fig12 or table6; without one, all of them are summed up, a line each. Times
    here follow from a probe of this machine, which is made once (it takes a quarter of a minute, a
    minute where the machine is busy); times on a GPU from its data sheet. Both are upper bounds
    where a search may end early.

    With --open every claim that is not decided at the profile's scale has a line, the one that
    takes the least first, with the runs that it lacks of three seeds that count (five where three
    left it undecided; or those of --seeds) and are not those of a claim above it.
    """


@command(
    "plan",
    click.argument("name"),
    experiment_options,
    click.option(
        "--shard",
        type=Shard(),
        help="Only a part of the runs, such as 2/8, and the teachers that it needs.",
    ),
    executor_option,
    machine_options,
    store_option,
)
def run() -> None:
    """Train what a figure or table needs and has no record of.

    Neither the store nor the repository has it. NAME is one such as fig12 or table6;
    `deepreshape plan` lists them. The same command may run many times on one store, on one machine
    or several: each makes what no other is making. A run belongs to a part by its key, on whichever
    machine.
    """


@command(
    "train",
    network_options,
    profile_option,
    data_options,
    recipe_options,
    click.option("--seed", type=int, default=1, help="Of weights and batches."),
    click.option(
        "--teacher", help="Network to learn from; it is trained first, as the profile says."
    ),
    click.option("--distil", metavar="KIND", help="How it teaches: kd, dkd or dist [kd]."),
    click.option("--beta", type=float, help="Of DKD [1] or DIST [2]."),
    click.option("--snl", type=int, help="ReLUs that SNL leaves."),
    click.option("--by", type=click.Choice(["pixel", "channel"]), help="What SNL keeps [pixel]."),
    click.option("--senet", type=int, help="ReLUs that SENet leaves."),
    executor_option,
    machine_options,
    store_option,
    json_option,
)
def train() -> None:
    """Train NETWORK, fitted to a data set, and show its record.

    It is fitted to the images and classes. Whatever is not said is as the profile has it. With
    --snl or --senet the network is trained, then the search leaves it so many ReLUs, then it is
    tuned. A run that is recorded is not made again.
    """


@command(
    "criticality",
    network_options,
    profile_option,
    data_options,
    recipe_options,
    click.option("--seeds", type=Numbers(), default="1-3", help="Of each stage: 1-3."),
    click.option(
        "--teacher", help="Network to learn from, trained first; none: labels [the profile's]."
    ),
    machine_options,
    store_option,
    json_option,
)
def criticality() -> None:
    """Find how critical the ReLUs of each stage of NETWORK are: C_k.

    NETWORK is trained with the ReLUs of one stage alone, stage by stage and seed by seed, with
    knowledge distillation, as in Tables 10 and 11. C_k weighs the mean test accuracies, and orders
    the stages as `suggest --order` takes it. Neighbours in the order whose difference is within its
    95 % interval are named. Runs that are recorded are not made again, so it can be interrupted.
    """


class Listing(click.Group):
    """A group whose command is `list` where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and (args[0] in ctx.help_option_names or not args[0].startswith("-"))
        return super().parse_args(ctx, args if named else ["list", *args])


@click.group(cls=Listing)
def runs() -> None:
    """List, show, compare, export, import or migrate records.

    Without a command, they are listed. The repository's own records are among them.
    """


@command(
    "records",
    click.option(
        "--network", default="", show_default=False, help="Only networks with this in their name."
    ),
    click.option(
        "--data", default="", show_default=False, help="Only data sets with this in their name."
    ),
    click.option("--status", type=click.Choice(["done", "failed"]), help="Only these."),
    store_option,
    json_option,
    name="list",
)
def list_() -> None:
    """List the records, the newest first."""


@command("record", click.argument("key"), store_option, json_option, name="show")
def show_() -> None:
    """Show all of the record whose key begins with KEY, and whether its files are whole."""


@command(
    "records",
    click.argument("keys", nargs=-1, required=True, metavar="KEY KEY..."),
    store_option,
    json_option,
)
def compare() -> None:
    """Show side by side what runs differ in, and the gain in test accuracy over the first."""


@command(
    "records",
    click.option(
        "--format", "form", type=click.Choice(["csv", "json"]), default="csv", help="Of the file."
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
        default=Path("-"),
        show_default=False,
        help="The file; standard output without one.",
    ),
    store_option,
)
def export() -> None:
    """Write a row for each record: what was run, what came of it, on which machine."""


@command(
    "importing",
    click.argument("folder", type=click.Path(path_type=Path, file_okay=False)),
    store_option,
    json_option,
    name="import",
)
def import_() -> None:
    """Bring the records and weights of FOLDER into the store.

    FOLDER is the store of another machine, or a copy of it, and stays as it is. What the store has
    is never replaced: of a run that both made, it is said whether the results differ. Records whose
    key does not match their run, and weights that are not those of their record, are refused.
    """


@command(
    "records",
    click.argument(
        "folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False)
    ),
    store_option,
)
def migrate() -> None:
    """Bring the records that another version wrote over into the store.

    They are those of FOLDER, which stays as it is, or without one the store's own, which take
    new names. What a record does not say was a default of its version, and is written down.
    """


for each in (list_, show_, compare, export, import_, migrate):
    runs.add_command(each)
