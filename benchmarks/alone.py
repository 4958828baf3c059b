"""How one peer is measured in a process of its own: `MODULE NAME FOLDER`, under pyperf."""

import argparse
from pathlib import Path

import pyperf


def runner_of(module: str) -> tuple[pyperf.Runner, str, Path]:
    """Return pyperf's runner of a module, and the name and the folder that it was called with."""
    runner = pyperf.Runner(program_args=("-m", module), add_cmdline_args=_pass_on)
    runner.argparser.add_argument("name")
    runner.argparser.add_argument("folder", type=Path)
    arguments = runner.parse_args()
    return runner, arguments.name, arguments.folder


def _pass_on(command: list[str], arguments: argparse.Namespace) -> None:
    """Give pyperf's workers the same name and folder."""
    command.extend([arguments.name, str(arguments.folder)])
