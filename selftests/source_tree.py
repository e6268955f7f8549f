"""The project's own files as its self-tests look at them: those that git would keep, parsed once."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("providers", "fixtures", "suites", "reports", "standins", "commands")
UNSHIPPED = ("selftests", "benchmarks")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)


@dataclass(frozen=True)
class Module:
    """One of our Python files; ``room`` is its top folder, empty at the root."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def room(self) -> str:
        return self.name.partition("/")[0] if "/" in self.name else ""

    @property
    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, FUNCTIONS))

    @property
    def imported(self) -> Iterator[tuple[int, str]]:
        """Line and full name of everything imported, wherever in the file: ``a.b.c`` for ``from a.b import c``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{'.' * node.level}{node.module or ''}.{a.name}") for a in node.names)

    def public(self) -> Iterator[tuple[int, str, ast.AST]]:
        """Line, name and node of every public class, function and method; what a private one holds is private."""
        yield from _public(self.tree)


def _public(holder: ast.Module | ast.ClassDef) -> Iterator[tuple[int, str, ast.AST]]:
    for node in holder.body:
        if not isinstance(node, DEFINITIONS) or node.name.startswith("_"):
            continue
        yield node.lineno, node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _public(node)


@cache
def tracked(*patterns: str) -> tuple[Path, ...]:
    """The files that git tracks or would add, and that are there."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return tuple(path for name in sorted(filter(None, listed)) if (path := ROOT / name).is_file())


@cache
def modules(*rooms: str) -> tuple[Module, ...]:
    """Our Python files; those of some rooms, or all."""
    found = (Module(path) for path in tracked("*.py"))
    return tuple(module for module in found if not rooms or module.room in rooms)


@cache
def suites() -> tuple[Module, ...]:
    """The files that hold checks."""
    return tuple(module for module in modules("suites") if module.path.name.startswith("test_"))


def checks(module: Module) -> list[ast.FunctionDef]:
    """The check functions of a suite."""
    return [node for node in module.tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function, from ``def`` to its last."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def body_length(check: ast.FunctionDef) -> int:
    """Lines of a check's body, its docstring and the blank lines between its steps apart."""
    numbers = {line for node in check.body[1:] for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    return len(numbers)
