"""The processor: what it says of itself, and what it can multiply."""

from pathlib import Path

import pytest

from deepreshape.learn.training import processor
from deepreshape.learn.training.processor import (
    LIMIT_VARIABLES,
    WITHOUT_BFLOAT16,
    bfloat16,
    changes,
    instructions,
)


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in changes():
        monkeypatch.delenv(name)


@pytest.fixture
def cpuinfo(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of /proc/cpuinfo."""
    lines: list[str] = []
    monkeypatch.setattr(Path, "read_text", lambda path, **rest: "\n".join(lines))
    return lines


def has(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(processor, "instructions", lambda: names)


def test_instruction_sets_are_those_of_the_first_processor(cpuinfo: list[str]) -> None:
    cpuinfo += ["model name\t: A: B", "flags\t\t: fpu avx2 sse4_1", "flags\t\t: avx512f"]
    assert instructions.__wrapped__() == ("sse4_1", "avx2")
    assert processor.name.__wrapped__() == "A: B"


def test_those_of_an_arm_processor_have_another_name(cpuinfo: list[str]) -> None:
    cpuinfo += ["Features\t: fp asimd bf16"]
    assert instructions.__wrapped__() == ("asimd", "bf16")


def test_a_system_that_says_nothing_knows_none(cpuinfo: list[str]) -> None:
    assert instructions.__wrapped__() == ()
    assert processor.name.__wrapped__()


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16"])
def test_either_of_two_instruction_sets_multiplies_bfloat16(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    has(monkeypatch, "avx2", name)
    assert bfloat16() == (True, f"the processor has {name}")


def test_a_processor_without_them_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, "avx2", "avx512f")
    assert bfloat16() == (False, "the processor has none of avx512_bf16, amx_bf16")


@pytest.mark.parametrize("variable", LIMIT_VARIABLES)
@pytest.mark.parametrize("limit", [*WITHOUT_BFLOAT16, "avx2"])
def test_a_limit_below_them_counts(
    monkeypatch: pytest.MonkeyPatch, variable: str, limit: str
) -> None:
    has(monkeypatch, "avx512_bf16")
    monkeypatch.setenv(variable, limit)
    assert bfloat16() == (False, f"{variable}={limit} keeps oneDNN from avx512_bf16")


@pytest.mark.parametrize("limit", ["ALL", "AVX512_CORE_BF16", "AVX512_CORE_AMX", ""])
def test_a_limit_above_them_does_not(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    has(monkeypatch, "avx512_bf16")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert bfloat16()[0]


def test_what_changes_kernels_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"ATEN_CPU_CAPABILITY": "avx2", "DNNL_MAX_CPU_ISA": "AVX", "OMP_NUM_THREADS": "3"}
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME_OMP_X", "1")
    assert changes() == named


# Free cores


def stat(*cores: tuple[int, int]) -> str:
    """/proc/stat with ticks of work and of idleness of each core."""
    rows = [
        f"cpu{number} {work} 0 0 {idle} 0 0 0 0 0 0" for number, (work, idle) in enumerate(cores)
    ]
    return "\n".join(["cpu 9 9 9 9", *rows, "intr 1 2", "btime 7", ""])


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (((0, 100), (0, 100)), 2),
        (((100, 0), (0, 100)), 1),
        (((100, 0), (100, 0)), 1),
        (((10, 90), (20, 80)), 2),
        (((60, 40), (60, 40)), 1),
    ],
)
def test_cores_are_free_that_were_idle(
    monkeypatch: pytest.MonkeyPatch, after: tuple[tuple[int, int], ...], expected: int
) -> None:
    texts = iter([stat((5, 5), (7, 7)), stat(*((a + 7, b + 7) for a, b in after))])
    monkeypatch.setattr(processor.os, "sched_getaffinity", lambda process: {0, 1})
    monkeypatch.setattr(processor.Path, "read_text", lambda path, **how: next(texts))
    assert processor.free_cores(0) == expected


@pytest.mark.parametrize("text", ["", "cpu0 x", "cpu0 1 2"])
def test_where_nothing_is_said_all_cores_are_free(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(processor.os, "sched_getaffinity", lambda process: {0, 1, 2})
    monkeypatch.setattr(processor.Path, "read_text", lambda path, **how: text)
    assert processor.free_cores(0) == 3
