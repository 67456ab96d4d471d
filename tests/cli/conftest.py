"""Commands in this process."""

import sys

import pytest

from deepreshape.cli import main
from tests.cli.commands import Answer, Command


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
