"""A program survives its text, and no other text is taken for a program."""

import base64
import copy
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import Network, Stage, quadratic, reuse, thin
from deepreshape.private.program import public
from deepreshape.private.program.public import BadProgram, dump, parse
from deepreshape.private.program.steps import Nonlinear, Program, Step
from deepreshape.private.rings import BINARY, PRIME, Ring
from tests.families import FAMILIES
from tests.private.nets import small, some_masks

TINY = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10)
REUSED = reuse(Network(4, (Stage(8, 1),), 8, 10), 4)
SQUARED = quadratic(thin(TINY, {1}))
NAMES = tuple(f"class {number}" for number in range(10))
PROGRAM = replace(small(TINY, some_masks(TINY))[0], bounded=True, exact=True, classes=NAMES)
FIELDS: dict[str, Any] = json.loads(dump(PROGRAM))
NAMELESS: dict[str, Any] = {**FIELDS, "classes": []}
NONLINEAR: dict[str, Any] = {"op": "nonlinear", "top": None, "bits": 20, "exact": False}


def _same(left: Step, right: Step) -> bool:
    if (left.name, left.inputs, left.shape) != (right.name, right.inputs, right.shape):
        return False
    if isinstance(left.op, Nonlinear) and isinstance(right.op, Nonlinear):
        one, other = ((op.shift, op.bits, op.top, op.exact) for op in (left.op, right.op))
        return one == other and np.array_equal(left.op.relus, right.op.relus)
    return left.op == right.op


@pytest.mark.parametrize("network", [*FAMILIES.values(), TINY, REUSED, SQUARED], ids=str)
@pytest.mark.parametrize("part", [None, 0.5])
def test_a_program_survives_its_text(network: Network, part: float | None) -> None:
    masks = some_masks(network, part) if part else {}
    program = small(network, masks)[0]
    found = parse(dump(program))
    assert dump(found) == dump(program)
    assert len(found.steps) == len(program.steps)
    assert all(map(_same, found.steps, program.steps))
    counts = ("relus", "truncations", "squares")
    for name in ("ring", "image", "mean", "std", "unit", "logit", *counts):
        assert getattr(found, name) == getattr(program, name)


def test_tops_bits_bounds_and_names_survive() -> None:
    steps = tuple(
        replace(step, op=replace(step.op, top=7, bits=33))
        if isinstance(step.op, Nonlinear)
        else step
        for step in PROGRAM.steps
    )
    program = replace(PROGRAM, steps=steps)
    found = parse(dump(program))
    assert all(map(_same, found.steps, steps))
    for name in ("bounded", "exact", "classes"):
        assert getattr(found, name) == getattr(program, name)
    assert not parse(dump(replace(program, exact=False))).exact


@pytest.mark.parametrize("name", ["bounded", "exact"])
@pytest.mark.parametrize("value", [0, 1, None, "true", []])
def test_a_program_says_plainly_whether_it_is_bounded_or_exact(name: str, value: object) -> None:
    with pytest.raises(BadProgram, match="does not say whether its numbers are bounded, or exact"):
        parse(json.dumps({**FIELDS, name: value}).encode())


@pytest.mark.parametrize("ring", [BINARY, PRIME, Ring(1 << 12)], ids=str)
def test_bits_leave_room_for_the_shift_and_a_sign_and_fit_the_ring(ring: Ring) -> None:
    def accepted(bits: object, shift: int) -> bool:
        step = {"name": "n", "inputs": ["image"], **NONLINEAR, "relus": True}
        unit = FIELDS["unit"] * 1024
        fields = {**NAMELESS, "modulus": ring.modulus, "unit": unit}
        text = json.dumps({**fields, "steps": [{**step, "bits": bits, "shift": shift}]})
        try:
            parse(text.encode())
        except BadProgram:
            return False
        return True

    most = ring.bits - 1
    assert accepted(2, 0) and accepted(most, 0) and accepted(most, most - 2) and accepted(5, 3)
    for bits, shift in ((1, 0), (0, 0), (-1, 0), (most + 1, 0), (5, 4), (most, most - 1), (5, -1)):
        assert not accepted(bits, shift)
    for bits in (None, "5", 5.0, True, [5]):
        assert not accepted(bits, 0)


def _refused(fields: object) -> None:
    with pytest.raises(BadProgram):
        parse(json.dumps(fields).encode())


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to everything in a value, of long lists only to the first and the last."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from _places(value[key], (*path, key))
    if isinstance(value, list):
        for index in sorted({0, len(value) - 1}) if path != ("steps",) else range(len(value)):
            yield from _places(value[index], (*path, index))


def _changed(path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    fields = copy.deepcopy(FIELDS)
    within: Any = fields
    for key in path[:-1]:
        within = within[key]
    change(within, path[-1])
    return fields


PLACES = list(_places(FIELDS))
NAMED = [path for path in PLACES if isinstance(path[-1], str)]
WRONG: list[Any] = [None, "", "?", [], {}, [[]], -1, 1e300, 10**400, 1.5, {"image": 1}]


@pytest.mark.parametrize("path", NAMED, ids=str)
def test_every_field_is_needed(path: tuple[Any, ...]) -> None:
    _refused(_changed(path, lambda within, key: within.pop(key)))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: str(wrong)[:12])
def test_every_field_has_its_type_and_its_range(wrong: Any) -> None:
    """The only changes that give another program: a number for a number, another name for the last
    step, which nobody reads, no top, and names of classes, or none."""
    for path in PLACES:
        fields = _changed(path, lambda within, key: within.__setitem__(key, wrong))
        number = path[0] in ("mean", "std", "unit", "logit") and wrong in (-1, 1e300, 1.5)
        topless = path[-1] == "top" and wrong is None
        named = (path[0], wrong) in (("classes", ""), ("classes", "?"), ("classes", []))
        if number or topless or named or path == ("steps", len(FIELDS["steps"]) - 1, "name"):
            try:
                parse(json.dumps(fields).encode())
            except BadProgram:
                continue
        else:
            _refused(fields)


NOT_FINITE = ["NaN", "Infinity", "-Infinity", "1e999"]


@pytest.mark.parametrize("number", NOT_FINITE)
@pytest.mark.parametrize("name", ["unit", "logit", "mean", "std"])
def test_numbers_are_finite(name: str, number: str) -> None:
    value = "XX" if name in ("unit", "logit") else ["XX", 1.0, 1.0]
    text = json.dumps({**FIELDS, name: value}).replace('"XX"', number)
    with pytest.raises(BadProgram):
        parse(text.encode())


@pytest.mark.parametrize(
    "step",
    [
        {"name": "new", "inputs": ["later"], "op": "sum", "lifts": [0]},
        {"name": "new", "inputs": ["new"], "op": "sum", "lifts": [0]},
        {"name": "new", "inputs": [["image"]], "op": "sum", "lifts": [0]},
        {"name": "new", "inputs": [], "op": "sum", "lifts": []},
        {"name": "new", "inputs": ["image"], "op": "sum", "lifts": [0, 0]},
        {"name": "new", "inputs": ["image"], "op": "sum", "lifts": [38]},
        {"name": "new", "inputs": ["image"], "op": "sum", "lifts": [True]},
        {"name": "new", "inputs": ["image", "half"], "op": "sum", "lifts": [0, 0]},
        {"name": "new", "inputs": ["image", "half"], "op": "join", "lifts": [0, 0]},
        {"name": "new", "inputs": ["image"], "op": "product"},
        {"name": "new", "inputs": ["image"], "op": ["sum"], "lifts": [0]},
        {"name": "new", "inputs": ["image", "image"], "op": "pool", "size": 1},
        {"name": "new", "inputs": ["image"], "op": "pool", "size": 9},
        {"name": "new", "inputs": ["image"], "op": "pool", "size": 0},
        {"name": "new", "inputs": ["image", "image"], "op": "flatten"},
        {"name": "new", "inputs": ["image"], "op": "slice", "start": 0, "stop": 4},
        {"name": "new", "inputs": ["image"], "op": "slice", "start": 2, "stop": 2},
        {"name": "new", "inputs": ["image"], "op": "slice", "start": -1, "stop": 2},
        {"name": "new", "inputs": ["image"], **NONLINEAR, "relus": True, "shift": 19},
        {"name": "new", "inputs": ["image"], **NONLINEAR, "relus": True, "shift": 1, "top": 37},
        {"name": "new", "inputs": ["image"], **NONLINEAR, "relus": True, "shift": 1, "top": -1},
        {"name": "new", "inputs": ["image"], **NONLINEAR, "relus": True, "shift": 1, "bits": 38},
        {"name": "new", "inputs": ["image"], **NONLINEAR, "relus": True, "shift": 1, "bits": 2},
        {"name": "new", "inputs": ["image"], **NONLINEAR, "relus": 1, "shift": 1},
        {"name": "new", "inputs": ["image"], **NONLINEAR, "relus": "A", "shift": 1},
        {"name": "new", "inputs": ["image"], "op": "linear", "sizes": [4, 2, 1, 1]},
        {"name": "new", "inputs": ["image"], "op": "linear", "sizes": [4, 3, 1, 2]},
        {"name": "new", "inputs": ["image"], "op": "linear", "sizes": [4, 3, 1]},
        {"name": "new", "inputs": ["image"], "op": "linear", "sizes": [4, 3, 9, 1]},
        {"name": "new", "inputs": ["image"], "op": "linear", "sizes": [4, 99, 1, 1]},
        {"name": "new", "inputs": ["image"], "op": "linear", "sizes": [1 << 40, 1, 1, 1]},
        {"name": "image", "inputs": ["image"], "op": "sum", "lifts": [0]},
        {"name": "half", "inputs": ["image"], "op": "sum", "lifts": [0]},
        {"name": "x" * 201, "inputs": ["image"], "op": "sum", "lifts": [0]},
        "sum",
        7,
    ],
    ids=str,
)
def test_a_step_fits_what_it_reads(step: object) -> None:
    half = {"name": "half", "inputs": ["image"], "op": "pool", "size": 2}
    good = {"name": "good", "inputs": ["half"], "op": "sum", "lifts": [0]}
    assert len(parse(json.dumps({**NAMELESS, "steps": [half, good]}).encode()).steps) == 2
    with pytest.raises(BadProgram, match="step 2"):
        parse(json.dumps({**NAMELESS, "steps": [half, step]}).encode())


@pytest.mark.parametrize("octets", [0, 23, 25, 10_000])
def test_a_mask_has_a_bit_for_every_element(octets: int) -> None:
    packed = base64.b64encode(bytes(octets)).decode()
    step = {"name": "n", "inputs": ["image"], **NONLINEAR, "relus": packed, "shift": 1}
    _refused({**NAMELESS, "steps": [step]})


@pytest.mark.parametrize("image", [[3, 8, 9], [3, 8], [3, 8, 8, 8], [0, 8, 8], [3, 60000, 60000]])
def test_images_are_square_and_not_too_large(image: list[int]) -> None:
    _refused({**FIELDS, "image": image})


@pytest.mark.parametrize("modulus", [0, 1, 2, 6, 100, -7, (1 << 60) + 1, 1 << 61, 4097.0, "4096"])
def test_the_modulus_is_one_of_a_ring(modulus: object) -> None:
    _refused({**FIELDS, "modulus": modulus})


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 1_000_000,
        b'{"steps":' * 100_000,
        b"",
        b"\xff\xfe",
        b"null",
        b"3",
        b'"steps"',
        b"9" * 100_000,
        b'{"modulus": ' + b"9" * 5_000 + b"}",
        b"[" + b"[]," * 100_000 + b"[]]",
        b"{}" + bytes(10),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_other_texts_are_refused(text: bytes) -> None:
    with pytest.raises(BadProgram):
        parse(text)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_is_refused(text: bytes) -> None:
    with pytest.raises(BadProgram):
        parse(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(path=st.sampled_from(PLACES), value=JSON)
def test_a_change_gives_a_program_or_bad_program(path: tuple[Any, ...], value: Any) -> None:
    fields = _changed(path, lambda within, key: within.__setitem__(key, value))
    with suppress(BadProgram):
        assert isinstance(parse(json.dumps(fields).encode()), Program)


@given(st.integers(0, len(dump(PROGRAM)) - 1), st.integers(1, 255))
def test_a_flipped_byte_gives_a_program_or_bad_program(place: int, flip: int) -> None:
    text = bytearray(dump(PROGRAM))
    text[place] ^= flip
    with suppress(BadProgram):
        assert isinstance(parse(bytes(text)), Program)


def test_tensors_are_bounded_in_all() -> None:
    """Each step alone would do, a thousand of them would fill the memory."""
    steps = [
        {"name": f"s{n}", "inputs": ["image"], "op": "linear", "sizes": [60_000, 1, 1, 1]}
        for n in range(1000)
    ]
    text = json.dumps({**FIELDS, "steps": steps}).encode()
    tracemalloc.start()
    with pytest.raises(BadProgram, match="elements"):
        parse(text)
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_weights_are_bounded_in_all() -> None:
    """Few elements may have many weights, and to lay them out takes time and memory."""
    layers = [("a", "image", 20_000), ("b", "a", 20_000)]
    steps = [
        {"name": name, "inputs": [source], "op": "linear", "sizes": [outputs, 1, 1, 1]}
        for name, source, outputs in layers
    ]
    text = json.dumps({**FIELDS, "image": [3, 1, 1], "steps": steps}).encode()
    with pytest.raises(BadProgram, match="weights"):
        parse(text)


def test_steps_are_bounded() -> None:
    steps = [
        {"name": f"s{n}", "inputs": ["image"], "op": "sum", "lifts": [0]}
        for n in range(public.STEPS + 1)
    ]
    _refused({**FIELDS, "steps": steps})


def test_messages_are_short_and_repeat_nothing_of_the_text() -> None:
    step = {"name": "secret" * 100, "inputs": ["hidden"], "op": "sum", "lifts": [0]}
    for change in ({"steps": [step]}, {"modulus": "secret"}, {"unit": "secret"}):
        with pytest.raises(BadProgram) as error:
            parse(json.dumps({**FIELDS, **change}).encode())
        assert len(str(error.value)) < 120 and "secret" not in str(error.value)
