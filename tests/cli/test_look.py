"""`count`, `equalize` and `latency` refuse bad input in one line, and import no framework."""

import re

import pytest

from deepreshape.design import Network, parse
from tests.cli.commands import Command, check_refusal, imported, started

HEAVY = {
    "torch",
    "torchvision",
    "numpy",
    "pandas",
    "scipy",
    "sympy",
    "matplotlib",
    "pyarrow",
    "PIL",
}
"""What no command about designs needs."""


@pytest.mark.parametrize(
    "arguments",
    [
        ["count", "ResNet18"],
        ["count", "ResNet18", "--json"],
        ["equalize", "--order", "3,2,4,1"],
        ["equalize", "--order", "3,2,4,1", "--by", "depth", "--json"],
        ["suggest", "--order", "3,2,4,1", "--channels", "8"],
        ["suggest", "--order", "3,2,4,1", "--channels", "8", "--protocol", "ours-wan", "--json"],
        ["latency", "ResNet18", "--layers"],
        ["latency", "ResNet18", "--json"],
        [],
    ],
    ids=" ".join,
)
def test_a_command_about_designs_imports_no_framework(arguments: list[str]) -> None:
    assert imported(*arguments) & HEAVY == set()


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
    "unknown option": (["count", "ResNet18", "--bogus"], "--bogus"),
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
    "divisions of no reuse": (["count", "ResNet18", "--divisions", "apart"], "need --reuse"),
    "no reuse everywhere": (["latency", "ResNet18", "--everywhere"], "need --reuse"),
    "unknown divisions": (["count", "ResNet18", "--reuse", "4", "--divisions", "two"], "'two'"),
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
    "scale by a negative power": (["latency", "ResNet18", "--scale", "1e-4000"], ""),
    "latency of no network": (["latency"], "Missing argument 'NETWORK'"),
    "latency of an unknown name": (["latency", "ResNet50"], "unknown network 'ResNet50'"),
    "latency on large maps": (["latency", "ResNet18", "--input", "128"], "128 x 128 positions"),
    "latency on large maps by layer": (
        ["latency", "ResNet18", "--input", "72", "--layers", "--json"],
        "72 x 72 positions",
    ),
    "latency on a bad input": (["latency", "ResNet18", "--input", "33"], "33 is not a multiple"),
    "no order": (["equalize"], "Missing option '--order'"),
    "empty order": (["equalize", "--order", ""], "--order"),
    "order of words": (["equalize", "--order", "S3,S2"], "'S3,S2'"),
    "order with spaces": (["equalize", "--order", "3, 2, 4, 1"], "'3, 2, 4, 1'"),
    "order that repeats a stage": (["equalize", "--order", "3,2,4,4"], "names a number twice"),
    "order that skips a stage": (["equalize", "--order", "3,2,5,1"], "stages 1 to 4 once"),
    "order from 0": (["equalize", "--order", "3,2,1,0"], "stages 1 to 4 once"),
    "order of negative stages": (["equalize", "--order=-1,-2"], "stages 1 to 2 once"),
    "order shorter than the depths": (
        ["equalize", "--order", "2,1", "--depths", "2,2,2"],
        "is of 2 stages",
    ),
    "order longer than the depths": (
        ["equalize", "--order", "4,3,2,1", "--depths", "2,2,2"],
        "is of 4 stages",
    ),
    "order of one stage": (["equalize", "--order", "1", "--depths", "2"], "2 to 9 stages, not 1"),
    "order of ten stages": (
        ["equalize", "--order", "10,9,8,7,6,5,4,3,2,1", "--depths", "2,2,2,2,2,2,2,2,2,2"],
        "2 to 9 stages, not 10",
    ),
    "ten stages by depth": (
        ["equalize", "--order", "10,9,8,7,6,5,4,3,2,1", "--by", "depth"],
        "2 to 9 stages, not 10",
    ),
    "depth of zero": (["equalize", "--order", "3,2,4,1", "--depths", "2,2,0,2"], "not 0"),
    "negative depth": (["equalize", "--order", "3,2,4,1", "--depths", "-1,2,2,2"], "not -1"),
    "depth beyond bounds": (
        ["equalize", "--order", "3,2,4,1", "--depths", f"2,2,2,{10**30}"],
        "blocks",
    ),
    "depths of words": (["equalize", "--order", "2,1", "--depths", "two,2"], "'two,2'"),
    "depths of nothing": (["equalize", "--order", "2,1", "--depths", ""], "--depths"),
    "order that no factors have": (
        ["equalize", "--order", "1,2", "--depths", "1,2"],
        "no whole factors of at least 2 satisfy",
    ),
    "order that no factors have by the paper's rule": (
        ["equalize", "--order", "1,2", "--depths", "1,2", "--rule", "paper"],
        "no whole factors of at least 2 satisfy",
    ),
    "bound below all solutions": (
        ["equalize", "--order", "3,2,4,1", "--rule", "all", "--most", "4"],
        "no whole factors up to 4",
    ),
    "bound of depths below all solutions": (
        ["equalize", "--order", "3,2,4,1", "--by", "depth", "--rule", "all", "--most", "8"],
        "no whole depths up to 8",
    ),
    "bound of zero": (["equalize", "--order", "3,2,4,1", "--most", "0"], "at least 2, not 0"),
    "bound of zero by depth": (
        ["equalize", "--order", "3,2,4,1", "--by", "depth", "--most", "0"],
        "at least 1, not 0",
    ),
    "negative bound": (["equalize", "--order", "3,2,4,1", "--most", "-5"], "not -5"),
    "bound that is no number": (["equalize", "--order", "2,1", "--most", "many"], "'many'"),
    "bound with too many solutions": (
        ["equalize", "--order", "3,2,4,1", "--rule", "all", "--most", "1000000"],
        "more than 5,000",
    ),
    "unknown way": (["equalize", "--order", "3,2,4,1", "--by", "height"], "'height'"),
    "unknown rule": (["equalize", "--order", "3,2,4,1", "--rule", "best"], "'best'"),
    "equalize a network": (["equalize", "ResNet18", "--order", "3,2,4,1"], "ResNet18"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_exit_2(arguments: list[str], said: str, call: Command) -> None:
    check_refusal(call(*arguments), said)


@pytest.mark.parametrize("case", ["unknown name", "order of one stage", "latency on large maps"])
def test_bad_input_is_one_line_for_the_program_too(case: str) -> None:
    arguments, said = BAD[case]
    check_refusal(started(*arguments), said)


@pytest.mark.parametrize(
    "arguments", [BAD["order of one stage"][0], BAD["latency on large maps"][0]]
)
def test_bad_input_is_one_line_where_json_is_asked_for(arguments: list[str], call: Command) -> None:
    check_refusal(call(*arguments, "--json"))


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


def test_the_name_in_a_refusal_can_be_typed_again(call: Command) -> None:
    """The examples in the message are names."""
    err = call("count", "ResNet50").err
    examples = err.partition("names look like ")[2].strip().split(", ")
    assert len(examples) > 1
    assert all(isinstance(parse(example), Network) for example in examples)
