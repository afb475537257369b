"""The command line: parse, call, print.

Everything else is imported by the command that needs it: `verify --help` and a run with nothing to do stay instant.
"""

from verify.cli import reading, running
from verify.cli.group import main

__all__ = ["main", "reading", "running"]
