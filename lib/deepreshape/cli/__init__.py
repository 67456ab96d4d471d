"""The command line, `deepreshape`: designs, printed values, plans and runs, their records."""

import signal
import sys

import click

from deepreshape import __version__
from deepreshape.cli.designs import count, equalize, latency
from deepreshape.cli.doctor import doctor
from deepreshape.cli.measure import measure
from deepreshape.cli.packing import pack
from deepreshape.cli.plans import plan, run
from deepreshape.cli.private import classify, private, serve
from deepreshape.cli.records import runs
from deepreshape.cli.results import verify
from deepreshape.cli.training import train


def main() -> None:
    """Run a command. What ends it otherwise than well is one line on stderr and an exit status:

    2: what was given cannot be taken, such as a wrong option or a file that is missing or damaged;
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
    except ValueError as error:
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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    __version__, "-V", "--version", prog_name="deepreshape", message="%(prog)s %(version)s"
)
def commands() -> None:
    """Networks for private inference, after DeepReShape (TMLR 06/2024)."""


for command in (
    count,
    equalize,
    latency,
    measure,
    verify,
    doctor,
    plan,
    run,
    train,
    runs,
    pack,
    private,
    serve,
    classify,
):
    commands.add_command(command)


if __name__ == "__main__":
    main()
