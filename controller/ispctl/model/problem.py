"""What went wrong, where, and what to do: the one shape in which every message reaches a person."""

from typing import Literal

from ispctl.model.codes import CODES
from ispctl.structs import Struct


class Where(Struct, order=True):
    """A place in a file of the repository. Lines and columns count from 1; 0 means "the file as a whole"."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])


class Problem(Struct):
    """One finding. `code` stands in CODES and has a section in docs/errors.md; `text` and `advice` hold no secret."""

    code: str
    text: str
    where: Where | None = None
    advice: str = ""

    @property
    def slug(self) -> str:
        return CODES[self.code]

    @property
    def severity(self) -> Literal["error", "warning"]:
        return "warning" if self.code.startswith("W") else "error"

    def __str__(self) -> str:
        place = f"{self.where} " if self.where else ""
        body = f"{place}{self.code} {self.slug}: {self.text}"
        return f"{body}. {self.advice}" if self.advice else body


class Refusal(Exception):
    """The only exception that is shown to a person: what, where, what to do. The command ends with `exit_code`."""

    def __init__(self, *problems: Problem, exit_code: int = 1) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems
        self.exit_code = exit_code


def in_order(problems: list[Problem]) -> list[Problem]:
    """Errors before warnings, then by place, code and text; the same findings always print the same way."""
    return sorted(problems, key=lambda p: (p.severity == "warning", p.where or Where(""), p.code, p.text))


class Stopped(Exception):
    """Somebody pressed Ctrl-C. The text says how far the work came, and who goes on with it."""
