"""The command line, `deepreshape`: designs, printed values, plans and runs, their records."""

import signal
import sys

import click

from deepreshape import __version__
from deepreshape.cli.usage import check, look, private, train
from deepreshape.cli.usage.commands import HELP, Sections
from deepreshape.cli.usage.keys import keys
from deepreshape.extras import MissingExtra

SECTIONS = {
    "Look at designs": (look.count, look.equalize, look.suggest, look.latency),
    "Train": (train.plan, train.run, train.train, train.criticality, train.runs),
    "Run privately": (private.pack, private.private, private.serve, private.classify, keys),
    "Check": (check.verify, check.doctor, check.measure),
}


def main() -> None:
    """Run a command. What ends it otherwise than well is one line on stderr and an exit status:

    2: what was given cannot be taken, such as a wrong option, a file that is missing or damaged, or
    a command whose packages are not installed;
    1: the work failed, or `verify` found a difference; 130: Ctrl-C or SIGTERM.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = commands(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 0
    except click.ClickException as error:
        _say(error.format_message())
        code = 2
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted; the same command goes on from here")
        code = 130
    except (ValueError, MissingExtra) as error:
        _say(str(error))
        code = 2
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        _say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        code = 2
    except (OSError, RuntimeError) as error:
        _say(str(error))
        code = 1
    except MemoryError:
        _say("out of memory")
        code = 1
    sys.exit(code)


def _say(message: str) -> None:
    """In one line, whatever it holds."""
    click.echo(f"deepreshape: {' '.join(message.split())}", err=True)


@click.group(
    cls=Sections,
    sections=SECTIONS,
    context_settings={**HELP, "show_default": True},
)
@click.version_option(
    __version__, "-V", "--version", prog_name="deepreshape", message="%(prog)s %(version)s"
)
def commands() -> None:
    """Networks for private inference, after DeepReShape (TMLR 06/2024)."""


if __name__ == "__main__":
    main()
