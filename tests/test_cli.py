"""The command line: counts in full, and bad input in one line."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from deepreshape.cli import main
from deepreshape.design import (
    Network,
    cost,
    cull,
    hybrenet,
    optimize,
    parse,
    resnet18,
    reuse,
    scale,
    thin,
)

ROOT = Path(__file__).parents[1]


class Answer(NamedTuple):
    """What a command printed, and how it ended."""

    out: str
    err: str
    code: int


Command = Callable[..., Answer]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `deepreshape ARGUMENTS` in this process."""

    def called(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["deepreshape", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        code = end.value.code or 0
        assert isinstance(code, int)
        return Answer(out, err, code)

    return called


def started(*arguments: str) -> Answer:
    """Runs `python -m deepreshape ARGUMENTS` as a program of its own; the limit is for hangs."""
    done = subprocess.run(
        [sys.executable, "-m", "deepreshape", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return Answer(done.stdout, done.stderr, done.returncode)


def check_refusal(answer: Answer, said: str = "") -> None:
    assert answer.out == ""
    assert answer.code == 2
    assert re.fullmatch(r"deepreshape: [^\n]+\n", answer.err)
    assert said in answer.err
    assert "Traceback" not in answer.err


def counts(network: Network) -> dict[str, object]:
    counted = cost(network)
    stages = {f"stage{number}": relus for number, relus in enumerate(counted.relus[1:], start=1)}
    return {
        "network": network.name,
        "input": network.resolution,
        "classes": network.classes,
        "relus": {"total": counted.total_relus, "stem": counted.relus[0], **stages},
        "macs": counted.macs,
        "flops": {"A": counted.flops("A"), "B": counted.flops("B")},
        "params": counted.params,
    }


LINES = [
    (["HRN-5x5x3x(m=16)", "--input", "32", "--classes", "100"], hybrenet(5, 5, 3)),
    (
        ["HRN-2x5x3x(m=16)", "--cull", "1", "--thin", "2,3,4", "--reuse", "8"],
        reuse(thin(cull(hybrenet(2, 5, 3), [1]), [2, 3, 4]), 8),
    ),
    (["ResNet18(m=16)-4x4x4x"], resnet18(16, (4, 4, 4))),
    (
        ["R34-HRN-2x6x3x(m=12)", "--input", "64", "--classes", "200"],
        hybrenet(2, 6, 3, 12, "34", 64, 200),
    ),
]
COMMAND_LINES = pytest.mark.parametrize(
    ("arguments", "network"), LINES, ids=[" ".join(arguments) for arguments, _ in LINES]
)


# count


@COMMAND_LINES
def test_count_gives_the_counts_as_json(
    arguments: list[str], network: Network, call: Command
) -> None:
    answer = call("count", *arguments, "--json")
    assert (answer.err, answer.code) == ("", 0)
    assert json.loads(answer.out) == counts(network)


@COMMAND_LINES
def test_count_prints_the_same_counts_as_a_table(
    arguments: list[str], network: Network, call: Command
) -> None:
    answer = call("count", *arguments)
    assert (answer.err, answer.code) == ("", 0)
    counted = cost(network)
    first, *rows = answer.out.splitlines()
    assert first == f"{network.name}, input {network.resolution} x {network.resolution}," + (
        f" {network.classes} classes"
    )
    expected = [
        *(f"{relus:,}" for relus in counted.relus),
        f"{counted.total_relus:,}",
        f"{counted.macs:,}",
        f"{counted.flops('A'):,}",
        f"{counted.flops('B'):,}",
        f"{counted.params:,}",
    ]
    numbers = [found[0] for row in rows if (found := re.findall(r"[\d,]{2,}(?=\s)|\s0(?=\s)", row))]
    assert [number.strip() for number in numbers] == expected


@COMMAND_LINES
def test_the_module_runs_as_a_program(arguments: list[str], network: Network) -> None:
    answer = started("count", *arguments, "--json")
    assert (answer.err, answer.code) == ("", 0)
    assert json.loads(answer.out) == counts(network)


def test_json_has_exactly_these_keys(call: Command) -> None:
    found = json.loads(call("count", "ResNet18", "--json").out)
    assert list(found) == ["network", "input", "classes", "relus", "macs", "flops", "params"]
    assert list(found["relus"]) == ["total", "stem", "stage1", "stage2", "stage3", "stage4"]
    assert list(found["flops"]) == ["A", "B"]


def test_a_network_of_two_stages_has_two_stages_in_json(call: Command) -> None:
    found = json.loads(call("count", "Net(2; 2x1, 4x1)@4/3", "--json").out)
    assert found["relus"] == {"total": 128, "stem": 32, "stage1": 64, "stage2": 32}
    assert (found["macs"], found["params"]) == (2924, 401)


def test_the_printed_name_and_shape_give_the_same_counts_again(call: Command) -> None:
    arguments = ["ResNet34(m=8)", "--cull", "2", "--thin", "1", "--input", "16", "--classes", "7"]
    found = json.loads(call("count", *arguments, "--json").out)
    shape = ["--input", str(found["input"]), "--classes", str(found["classes"])]
    assert json.loads(call("count", found["network"], *shape, "--json").out) == found


def test_scale_multiplies_every_width(call: Command) -> None:
    found = json.loads(call("count", "HRN-2x5x3x(m=16)", "--scale", "0.5", "--json").out)
    assert found == counts(scale(hybrenet(2, 5, 3), "1/2"))


def test_options_edit_the_edits_of_the_name(call: Command) -> None:
    found = json.loads(call("count", "HRN-2x5x3x(m=16)-C1", "--thin", "2,3,4", "--json").out)
    assert found == counts(optimize(hybrenet(2, 5, 3)))


def test_the_table_marks_the_papers_flops(call: Command) -> None:
    for network, convention in (("ResNet18", "A"), ("ResNet34", "B")):
        (marked,) = [row for row in call("count", network).out.splitlines() if "paper's" in row]
        assert marked.strip().startswith(f"FLOPs {convention}")


def test_the_table_of_a_network_without_relus_has_no_shares(call: Command) -> None:
    answer = call("count", "ResNet18", "--cull", "1,2,3,4")
    assert answer.code == 0
    assert set(re.findall(r"[\d.]+%", answer.out)) == {"0.00%"}


@pytest.mark.parametrize("arguments", [["count", "ResNet18"], ["count", "ResNet18", "--json"], []])
def test_counting_imports_no_framework(arguments: list[str]) -> None:
    heavy = ["torch", "torchvision", "numpy", "pandas", "scipy", "matplotlib", "pyarrow", "PIL"]
    program = (
        "import sys, deepreshape.design\n"
        "from deepreshape.cli import main\n"
        f"sys.argv = {['deepreshape', *arguments]!r}\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        f"print(*sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr.split() == []


# Help


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_lists_the_commands(arguments: list[str], call: Command) -> None:
    answer = call(*arguments)
    assert (answer.err, answer.code) == ("", 0)
    assert {"count", "run"} <= set(answer.out.split())


@pytest.mark.parametrize("command", ["count", "run"])
def test_a_command_has_help(command: str, call: Command) -> None:
    answer = call(command, "--help")
    assert (answer.err, answer.code) == ("", 0)
    assert answer.out.startswith("Usage:")


# Bad input

LONG = "9" * 4000  # Python turns up to 4300 digits into a number, and no more into text

BAD = {
    "no network": (["count"], "Missing argument 'NETWORK'"),
    "empty name": (["count", ""], "unknown network ''"),
    "unknown name": (["count", "ResNet50"], "unknown network 'ResNet50'"),
    "name of two lines": (["count", "Res\nNet"], "unknown network"),
    "name in other letters": (["count", "Résèau18"], "unknown network 'Résèau18'"),
    "name with a power": (["count", "HRN-²x5x3x"], "unknown network 'HRN-²x5x3x'"),
    "name of no channels": (["count", "ResNet18(m=0)"], "stem channels"),
    "name with a stage too many": (["count", "ResNet18-C5"], "there is no stage 5"),
    "two networks": (["count", "ResNet18", "ResNet34"], "ResNet34"),
    "unknown command": (["cuont", "ResNet18"], "cuont"),
    "unknown option": (["count", "ResNet18", "--bogus"], "--bogus"),
    "unknown global option": (["--bogus"], "--bogus"),
    "option without value": (["count", "ResNet18", "--input"], "--input"),
    "input no multiple": (["count", "ResNet18", "--input", "33"], "33 is not a multiple of 8"),
    "input zero": (["count", "ResNet18", "--input", "0"], "input size"),
    "input negative": (["count", "ResNet18", "--input", "-32"], "input size"),
    "input no number": (["count", "ResNet18", "--input", "big"], "'big'"),
    "input no whole number": (["count", "ResNet18", "--input", "32.5"], "'32.5'"),
    "input odd and huge": (["count", "ResNet18", "--input", "9" * 40], "input size"),
    "classes zero": (["count", "ResNet18", "--classes", "0"], "number of classes"),
    "classes negative": (["count", "ResNet18", "--classes", "-1"], "number of classes"),
    "cull nothing": (["count", "ResNet18", "--cull", ""], "--cull"),
    "cull with a gap": (["count", "ResNet18", "--cull", "1,,2"], "'1,,2'"),
    "cull twice the same": (["count", "ResNet18", "--cull", "1,1"], "1,1"),
    "cull a word": (["count", "ResNet18", "--cull", "one"], "'one'"),
    "cull a power": (["count", "ResNet18", "--cull", "²"], "'²'"),
    "cull a fraction": (["count", "ResNet18", "--cull", "1.0"], "'1.0'"),
    "cull stage 5": (["count", "ResNet18", "--cull", "5"], "there is no stage 5"),
    "thin stage 0": (["count", "ResNet18", "--thin", "0"], "there is no stage 0"),
    "thin a negative stage": (["count", "ResNet18", "--thin", "-1"], "there is no stage -1"),
    "thin with a comma behind": (["count", "ResNet18", "--thin", "2,"], "'2,'"),
    "thin twice the same": (["count", "ResNet18", "--thin", "2,3,2"], "2,3,2"),
    "thin a huge stage": (["count", "ResNet18", "--thin", "9" * 40], "there is no stage"),
    "reuse by nothing": (["count", "ResNet18", "--reuse", "0"], "at least 2, not 0"),
    "reuse by one": (["count", "ResNet18", "--reuse", "1"], "at least 2, not 1"),
    "reuse by less than nothing": (["count", "ResNet18", "--reuse", "-2"], "at least 2, not -2"),
    "reuse that does not divide": (["count", "ResNet18", "--reuse", "3"], "3 does not divide"),
    "reuse beyond the channels": (["count", "ResNet18", "--reuse", "128"], "does not divide"),
    "scale by nothing": (["count", "ResNet18", "--scale", "0"], "must be positive"),
    "scale by less than nothing": (["count", "ResNet18", "--scale", "-1"], "must be positive"),
    "scale too far down": (["count", "ResNet18", "--scale", "1/128"], "whole"),
    "scale by a word": (["count", "ResNet18", "--scale", "half"], "'half'"),
    "scale by no number": (["count", "ResNet18", "--scale", "nan"], "'nan'"),
    "scale by infinity": (["count", "ResNet18", "--scale", "inf"], "'inf'"),
    "scale by a division by zero": (["count", "ResNet18", "--scale", "1/0"], "'1/0'"),
    "scale without end": (["count", "ResNet18", "--scale", "1e4000"], ""),
    "more blocks than can be": (["count", f"Net(2; 2x{10**9})"], "blocks"),
    "more channels than can be": (["count", f"ResNet18(m={LONG})"], ""),
    "more channels than can be, as JSON": (["count", f"ResNet18(m={LONG})", "--json"], ""),
    "more channels than a number": (["count", f"ResNet18(m={LONG}{LONG})"], ""),
    "more pixels than can be": (["count", "ResNet18", "--input", "8" * 4000], ""),
    "no figure": (["run"], "fig12"),
    "unknown figure": (["run", "fig99"], "'fig99'"),
    "unknown profile": (["run", "fig12", "--profile", "huge"], "unknown profile 'huge'"),
    "unknown panel": (["run", "fig12", "--panels", "z"], "no panel 'z'"),
    "unknown data set": (["run", "fig12", "--data", "cifar"], "unknown data set 'cifar'"),
    "no data set": (["run", "fig12", "--data", "cifar100["], "'cifar100['"),
    "images that do not shrink": (["run", "fig12", "--data", "mnist5k[size=7]"], "size 7"),
    "empty list of seeds": (["run", "fig12", "--seeds", ""], "--seeds"),
    "seeds with a gap": (["run", "fig12", "--seeds", "1,,2"], "'1,,2'"),
    "no workers": (["run", "fig12", "--workers", "0"], "at least 1, not 0"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], said: str, call: Command, tmp_path: Path
) -> None:
    store = ["--store", str(tmp_path)] if arguments[:2] == ["run", "fig12"] else []
    check_refusal(call(*arguments, *store), said)


@pytest.mark.parametrize("case", ["no network", "unknown name", "input no multiple", "no figure"])
def test_bad_input_is_one_line_for_the_program_too(case: str) -> None:
    arguments, said = BAD[case]
    check_refusal(started(*arguments), said)


@pytest.mark.parametrize("exponent", ["1e99999999", "1e-99999999"])
def test_a_scaling_factor_of_millions_of_digits_is_refused_without_writing_it_out(
    exponent: str,
) -> None:
    check_refusal(started("count", "ResNet18", "--scale", exponent))


@pytest.mark.parametrize(
    "arguments",
    [
        ["count", f"ResNet18(m={LONG}{LONG})"],
        ["count", "ResNet18", "--scale", "1e5000"],
        ["count", "HRN-2X5X3X(m=0)"],
        ["count", "Net(2; 2X0)"],
    ],
    ids=["digits", "scale", "names of factors", "names of stages"],
)
def test_a_refusal_does_not_speak_of_python(arguments: list[str], call: Command) -> None:
    err = call(*arguments).err
    assert not re.search(r"set_int_max_str_digits|invalid literal|unpack", err)


def test_a_refused_run_leaves_no_store(call: Command, tmp_path: Path) -> None:
    call("run", "fig12", "--panels", "z", "--store", str(tmp_path / "runs"))
    assert list(tmp_path.iterdir()) == []


def test_the_name_in_a_refusal_can_be_typed_again(call: Command) -> None:
    """The examples in the message are names."""
    err = call("count", "ResNet50").err
    examples = err.partition("names look like ")[2].strip().split(", ")
    assert len(examples) > 1
    assert all(isinstance(parse(example), Network) for example in examples)
