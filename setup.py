"""Builds the package. All else stands in pyproject.toml.

What the library reads lies in `data`, at the root of the checkout; a package has it as
`deepreshape/data` (`deepreshape.places`).
"""

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

DATA = Path("data")


class WithData(build_py):
    """The modules, and the data beside them; an editable install reads the checkout's."""

    def run(self) -> None:
        if not self.editable_mode:  # what an earlier build left is no part of this one
            rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            for source, target in self._data():
                target.parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(str(source), str(target))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return super().get_outputs(include_bytecode) + [str(target) for _, target in self._data()]

    def _data(self) -> Iterator[tuple[Path, Path]]:
        for source in sorted(path for path in DATA.rglob("*") if path.is_file()):
            yield source, Path(self.build_lib, "deepreshape", source)


setup(cmdclass={"build_py": WithData})
