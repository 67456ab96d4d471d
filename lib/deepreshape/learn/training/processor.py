"""The processor: its name, its instruction sets, and what of the environment limits or changes the
kernels that are chosen by them."""

import os
import platform
import re
import time
from functools import lru_cache
from pathlib import Path

INSTRUCTIONS = (
    *("sse4_1", "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni"),
    *("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_bf16", "amx_int8"),
    *("asimd", "asimdhp", "bf16", "i8mm", "sve", "sve2"),
)
"""Instruction sets that kernels are chosen by, as Linux names them."""
MULTIPLY_BFLOAT16 = ("avx512_bf16", "amx_bf16")
"""Those that multiply bfloat16 numbers; without them each is turned into a float32 first."""
LIMIT_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""What keeps oneDNN from newer instruction sets: the first that is set."""
WITHOUT_BFLOAT16 = (
    *("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2"),
    *("AVX512_CORE", "AVX512_CORE_VNNI"),
)
"""Limits below `MULTIPLY_BFLOAT16`."""

_CHANGES = re.compile(r"(ONEDNN|DNNL|OMP|KMP|GOMP|MKL)_\w+|ATEN_CPU_CAPABILITY")


@lru_cache(maxsize=1)
def name() -> str:
    """What the processor calls itself, or its architecture."""
    return _first("model name") or platform.processor() or platform.machine()


@lru_cache(maxsize=1)
def instructions() -> tuple[str, ...]:
    """Of `INSTRUCTIONS`, those that the first processor has; none where the system does not say."""
    there = set((_first("flags") or _first("Features")).split())
    return tuple(each for each in INSTRUCTIONS if each in there)


def changes() -> dict[str, str]:
    """The variables of the environment that change which kernels run, on how many threads."""
    return {each: os.environ[each] for each in sorted(os.environ) if _CHANGES.fullmatch(each)}


def bfloat16() -> tuple[bool, str]:
    """Can it multiply bfloat16 numbers, and why, or why not?"""
    able = [each for each in MULTIPLY_BFLOAT16 if each in instructions()]
    if not able:
        return False, f"the processor has none of {', '.join(MULTIPLY_BFLOAT16)}"
    limit = next((each for each in LIMIT_VARIABLES if os.environ.get(each)), "")
    if os.environ.get(limit, "").upper() in WITHOUT_BFLOAT16:
        return False, f"{limit}={os.environ[limit]} keeps oneDNN from {', '.join(able)}"
    return True, f"the processor has {', '.join(able)}"


def free_cores(seconds: float = 0.5) -> int:
    """How many cores of those that this process may use were idle in a moment, at least one; all of
    them where the system does not say."""
    mine = os.sched_getaffinity(0)
    before = _ticks(mine)
    time.sleep(seconds)
    passed = [(a - b, c - d) for (a, c), (b, d) in zip(_ticks(mine), before, strict=False)]
    if not passed:
        return len(mine)
    return max(1, round(sum(idle / total for idle, total in passed if total)))


def _ticks(cores: set[int]) -> list[tuple[int, int]]:
    """Of each core, clock ticks that it was idle, and all; none where the system does not say."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii", errors="replace").splitlines()
        rows = {name: list(map(int, rest)) for name, *rest in map(str.split, lines) if rest}
        found = [rows[f"cpu{core}"] for core in sorted(cores)]
        return [(row[3] + row[4], sum(row[:8])) for row in found]
    except (OSError, ValueError, LookupError):
        return []


def _first(field: str) -> str:
    """The first value of a field of /proc/cpuinfo; "" where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() == field), "")
