"""How large the template's parts are, held against their budgets: python -m tests.sizes.

A code line is one that is not blank and holds more than comments and docstrings.
"""

import ast
import io
import sys
import tempfile
import tokenize
from collections.abc import Iterable
from pathlib import Path

from tests.machinery.__main__ import TEMPLATE, bake

NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}
LONGEST_MODULE = 150
# What is over its budget today, and must not grow meanwhile.
CEILINGS = {
    "observability/: code lines": 2_170,
    "the owner's code: code lines": 665,
    "files outside tests/": 83,
}


def code_lines(source: str) -> int:
    """Count the lines of a module that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            lines -= set(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return len(lines)


def of_files(paths: Iterable[Path]) -> int:
    """Count the code lines of several modules."""
    return sum(code_lines(path.read_text(encoding="utf-8")) for path in paths)


def measured(project: Path) -> list[tuple[str, int, int]]:
    """Return what is measured, its size, and the most that it may be."""
    files = [path for path in project.rglob("*") if path.is_file() and path.name != ".env"]
    files = [path for path in files if path.suffix != ".log" and "__pycache__" not in path.parts]
    inside = {path: path.relative_to(project).parts[0] for path in files}
    # Django writes migrations.
    python = [path for path in files if path.suffix == ".py" and path.parent.name != "migrations"]
    machinery = [path for path in python if inside[path] == "observability"]
    longest = max(machinery, key=lambda path: of_files([path]))
    owners = [path for path in python if inside[path] not in ("observability", "tests")]
    tests = [path for path in python if inside[path] == "tests"]
    # No part of a default project.
    optional = TEMPLATE / "{{cookiecutter.project_slug}}" / "observability"
    hooks = TEMPLATE / "hooks"
    benchmarks = (TEMPLATE / "benchmarks").rglob("*.py")
    return [
        ("observability/: code lines", of_files(machinery), 1_500),
        ("observability/: Python files", len(machinery), 32),
        (f"{longest.relative_to(project)}: code lines", of_files([longest]), LONGEST_MODULE),
        ("observability/telemetry.py: code lines", of_files([optional / "telemetry.py"]), 120),
        ("observability/otlp.py: code lines", of_files([optional / "otlp.py"]), 55),
        ("the owner's code: code lines", of_files(owners), 500),
        ("the owner's tests: code lines", of_files(tests), 350),
        ("files outside tests/", sum(where != "tests" for where in inside.values()), 68),
        ("hooks/pre_gen_project.py: code lines", of_files([hooks / "pre_gen_project.py"]), 120),
        ("hooks/post_gen_project.py: code lines", of_files([hooks / "post_gen_project.py"]), 130),
        (
            "benchmarks/: lines",
            sum(len(path.read_text(encoding="utf-8").splitlines()) for path in benchmarks),
            1_200,
        ),
    ]


def main() -> int:
    """Print every size beside its budget; return 1 when one is over."""
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(bake(Path(folder).resolve()))
    for what, size, most in rows:
        over_budget = f": {size - most:,} over its budget" if size > most else ""
        print(f"{size:6,} of {most:6,}  {what}{over_budget}")
    over = [row for row in rows if row[1] > CEILINGS.get(row[0], row[2])]
    for what, size, most in over:
        print(f"Too large: {what}: {size:,}, where {CEILINGS.get(what, most):,} are allowed")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
