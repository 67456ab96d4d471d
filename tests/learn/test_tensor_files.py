"""Files are whole or absent, and a damaged one is never taken for a good one."""

import errno
import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import Tensor

from deepreshape.files import write_text
from deepreshape.learn.tensor_files import (
    Busy,
    CorruptFile,
    alone,
    cache_folder,
    digest_of,
    load_tensors,
    save_tensors,
)

DTYPES = [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
]
SAMPLE = {
    "stem/conv.weight": torch.arange(12, dtype=torch.float32).reshape(3, 4) / 7,
    "stem/conv_bn.num_batches_tracked": torch.tensor(41),
    "half": torch.tensor([1.5, -2.0, 0.1], dtype=torch.bfloat16),
}
META = {"curve": [{"loss": 0.1}, {"loss": 1e-9}], "name": "HRN-5×5×3", "none": None}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(
        left[name].dtype == right[name].dtype and torch.equal(left[name], right[name])
        for name in left
    )


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    size = torch.Size(shape).numel()
    values = draw(st.lists(st.integers(0, 100), min_size=size, max_size=size))
    return torch.tensor(values).reshape(shape).to(draw(st.sampled_from(DTYPES)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that every example writes anew."""
    return tmp_path_factory.mktemp("files") / "scratch.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("files") / "whole.safetensors"
    save_tensors(path, SAMPLE, META)
    return path.read_bytes()


# Tensors


@given(
    st.dictionaries(st.text("ab/._", min_size=1, max_size=8), tensors(), max_size=4),
    st.dictionaries(st.text(max_size=4), json_values, max_size=3),
)
@settings(max_examples=60)
def test_what_was_saved_is_loaded(
    scratch: Path, saved: dict[str, Tensor], meta: dict[str, object]
) -> None:
    digest = save_tensors(scratch, saved, meta)
    loaded, header, again = load_tensors(scratch)
    assert same(loaded, saved)
    assert header == meta
    assert again == digest


def test_a_scalar_stays_a_scalar(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x", {"count": torch.tensor(3)}, {})
    assert load_tensors(tmp_path / "x")[0]["count"].shape == ()


def test_a_strided_tensor_is_saved_by_its_values(tmp_path: Path) -> None:
    strided = torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last)
    save_tensors(tmp_path / "x", {"w": strided}, {})
    assert torch.equal(load_tensors(tmp_path / "x")[0]["w"], strided)


def test_the_digest_does_not_depend_on_the_order_of_the_tensors(tmp_path: Path) -> None:
    backwards = dict(reversed(SAMPLE.items()))
    first = save_tensors(tmp_path / "first", SAMPLE, META)
    assert save_tensors(tmp_path / "second", backwards, META) == first


@pytest.mark.parametrize(
    ("changed", "meta"),
    [
        pytest.param({"half": torch.tensor([1.5, -2.0, 0.2]).bfloat16()}, META, id="a value"),
        pytest.param({"half": SAMPLE["half"].view(torch.int16)}, META, id="a type"),
        pytest.param({"half": SAMPLE["half"].reshape(1, 3)}, META, id="a shape"),
        pytest.param({"other": SAMPLE["half"].clone()}, META, id="a name"),
        pytest.param({}, {**META, "none": 0}, id="the header"),
    ],
)
def test_the_digest_depends_on(
    changed: dict[str, Tensor], meta: dict[str, object], tmp_path: Path
) -> None:
    first = save_tensors(tmp_path / "first", SAMPLE, META)
    assert save_tensors(tmp_path / "second", {**SAMPLE, **changed}, meta) != first


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.safetensors"):
        load_tensors(tmp_path / "absent.safetensors")


# Damage


@given(st.data())
@settings(max_examples=150)
def test_a_cut_file_is_corrupt(scratch: Path, whole: bytes, data: st.DataObject) -> None:
    scratch.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CorruptFile, match=r"scratch\.safetensors"):
        load_tensors(scratch)


@given(st.data())
@settings(max_examples=400)
def test_a_flipped_bit_makes_a_file_corrupt(
    scratch: Path, whole: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    scratch.write_bytes(damaged)
    with pytest.raises(CorruptFile, match=r"scratch\.safetensors"):
        load_tensors(scratch)


@given(st.data())
@settings(max_examples=200)
def test_a_changed_byte_never_changes_what_is_loaded(
    scratch: Path, whole: bytes, data: st.DataObject
) -> None:
    """Only the format's padding may differ: one blank is as good as another."""
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    scratch.write_bytes(damaged)
    try:
        loaded, header, _ = load_tensors(scratch)
    except CorruptFile:
        return
    assert same(loaded, SAMPLE)
    assert header == META


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_a_foreign_file_is_corrupt(scratch: Path, content: bytes) -> None:
    scratch.write_bytes(content)
    with pytest.raises(CorruptFile, match=r"scratch\.safetensors"):
        load_tensors(scratch)


def test_tensors_of_another_program_are_corrupt(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(SAMPLE, tmp_path / "other.safetensors")
    with pytest.raises(CorruptFile, match=r"other\.safetensors"):
        load_tensors(tmp_path / "other.safetensors")


def test_an_appended_byte_makes_a_file_corrupt(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "long.safetensors").write_bytes(whole + b"\0")
    with pytest.raises(CorruptFile, match=r"long\.safetensors"):
        load_tensors(tmp_path / "long.safetensors")


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(200_000 * "[" + 200_000 * "]", id="deeply nested"),
        pytest.param("{", id="no JSON"),
        pytest.param("3", id="no object"),
    ],
)
def test_a_header_of_another_program_is_corrupt(tmp_path: Path, header: str) -> None:
    path = tmp_path / "x.safetensors"
    digest = hashlib.sha256(header.encode()).hexdigest()
    path.write_bytes(save({}, {"meta": header, "sha256": digest}))
    with pytest.raises(CorruptFile, match=r"x\.safetensors has no header of this project"):
        load_tensors(path)


# Replacing


def write_tensors(path: Path) -> None:
    save_tensors(path, SAMPLE, META)


@pytest.mark.parametrize(
    "write", [lambda path: write_text(path, "text"), write_tensors], ids=["text", "tensors"]
)
@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_an_error_of_the_disk_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None], call: str
) -> None:
    path = tmp_path / "file"
    write(path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    monkeypatch.setattr(call, full)
    with pytest.raises(OSError) as caught:
        write(path)
    assert str(caught.value) == f"{path} could not be written (No space left on device)"
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "file", "text")
    assert (tmp_path / "a" / "b" / "file").read_text() == "text"


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_is_utf_8(tmp_path: Path, text: str) -> None:
    write_text(tmp_path / "file", text)
    assert (tmp_path / "file").read_bytes() == text.encode()


def test_a_failed_save_leaves_the_old_tensors(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, SAMPLE, META)
    with pytest.raises(TypeError):
        save_tensors(path, SAMPLE, {"not JSON": object()})
    assert same(load_tensors(path)[0], SAMPLE)


# Tensors that are not in memory


class Parts:
    """Bytes of which no more than a few rows are ever there."""

    def __init__(self, whole: torch.Tensor) -> None:
        self._whole, self.shape, self.dtype = whole, whole.shape, whole.dtype

    def split(self, count: int) -> Iterator[torch.Tensor]:
        return (part.clone() for part in self._whole.split(count))


@pytest.mark.parametrize("rows", [1, 7, 2500])
def test_a_tensor_in_parts_makes_the_same_file(tmp_path: Path, rows: int) -> None:
    images = (torch.arange(rows * 12) % 251).byte().view(rows, 2, 2, 3)
    labels = torch.arange(rows).to(torch.int16)
    path = tmp_path / "x.safetensors"
    tensors = {"b": Parts(images), "a": labels}
    digest = save_tensors(path, tensors, META)
    assert digest == digest_of({"b": images, "a": labels}, META) == digest_of(tensors, META)
    assert same(load_tensors(path)[0], {"b": images, "a": labels})


# Alone


def count(path: Path, times: int) -> None:
    """Add 1 to the number in a file so many times."""
    for _ in range(times):
        with alone(path.with_suffix(".lock")):
            path.write_text(str(int(path.read_text()) + 1))


def test_no_two_processes_are_alone_at_once(tmp_path: Path) -> None:
    path = tmp_path / "number"
    path.write_text("0")
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=count, args=(path, 50)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert path.read_text() == "200"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_lock_is_free_after_an_error(tmp_path: Path, error: type[BaseException]) -> None:
    lock = tmp_path / "folder" / "lock"
    with pytest.raises(error), alone(lock):
        raise error
    with alone(lock, wait=False):
        pass


def test_a_lock_file_is_never_removed(tmp_path: Path) -> None:
    """Whoever opened it, on whichever machine, waits for the same file."""
    lock = tmp_path / "lock"
    with alone(lock):
        before = lock.stat().st_ino
    with alone(lock):
        pass
    assert lock.stat().st_ino == before


def test_a_lock_that_a_killed_process_left_holds_no_one_up(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with alone(tmp_path / "lock", wait=False):
        pass


def test_a_lock_that_another_holds_is_not_waited_for_unless_asked(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with (
        alone(lock),
        pytest.raises(Busy, match=f"^{lock} is held by another process$"),
        alone(lock, wait=False),
    ):
        pytest.fail("two are alone")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_named(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no other kind of lock takes their place, of which a killed process would leave one."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    said = f"^{tmp_path} lies on a file system without locks"
    with pytest.raises(OSError, match=said), alone(tmp_path / "lock"):
        pytest.fail("alone without a lock")


def test_another_user_may_open_a_lock_that_a_killed_process_left(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with alone(tmp_path / "lock"):
            assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o666
    finally:
        os.umask(before)


# The cache folder


def test_the_cache_folder_may_be_named_from_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DEEPRESHAPE_CACHE", "~/here")
    assert cache_folder() == tmp_path / "here"


def test_the_cache_folder_is_the_named_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"


@pytest.mark.parametrize("unnamed", [None, ""])
def test_without_a_name_the_cache_folder_is_the_users(
    unnamed: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("DEEPRESHAPE_CACHE")
    if unnamed is not None:
        monkeypatch.setenv("DEEPRESHAPE_CACHE", unnamed)
    assert cache_folder() == tmp_path / "deepreshape"
