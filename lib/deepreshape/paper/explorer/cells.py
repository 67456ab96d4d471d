"""Code of a live cell: run it, and tell what it prints, as a notebook does."""

import ast
import io
import traceback
from contextlib import redirect_stdout
from typing import Any

NAME = "<cell>"


class CellError(RuntimeError):
    """Code that raised; `output` is what it printed before, and the message a line."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


def run(code: str) -> str:
    """What code prints, and the value of its last line where that is an expression and not None.

    Raises CellError where the code does, with the line that was at fault.
    """
    printed = io.StringIO()
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        tree = ast.parse(code, NAME)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with redirect_stdout(printed):
            exec(compile(tree, NAME, "exec"), names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), NAME, "eval"), names)
                if value is not None:
                    print(repr(value))
    except (Exception, SystemExit) as error:
        raise CellError(_line(error), printed.getvalue()) from None
    return printed.getvalue()


def shown(code: str) -> str:
    """`run` for the script of a page: the output, with the fault behind it if there was one."""
    try:
        return run(code)
    except CellError as error:
        return f"{error.output}{error}\n"


def _line(error: BaseException) -> str:
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == NAME
    ]
    number = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    what = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}{f' in line {number}' if number else ''}: {what}"
