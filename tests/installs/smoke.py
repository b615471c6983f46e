"""Run commands of ``reassess`` in one process, as the environment has it that runs this script.

Reads a list of commands as JSON, writes a list of exit statuses, each with what went to stderr.
Knows nothing of this repository: `check` runs it in environments that have the wheel alone.
"""

import contextlib
import io
import json
import shlex
import sys
import traceback

from reassess.cli import main


def typed(command: str) -> tuple[int, str]:
    """The exit status of a command, or of Python's ``-c``, and its stderr."""
    program, *arguments = shlex.split(command)
    status = 0
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()) as errors,
    ):
        try:
            if program == "python":
                exec(arguments[1], {})
            else:
                main(arguments, prog_name=program)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
            status = 1
    return status, errors.getvalue()


json.dump([typed(command) for command in json.load(sys.stdin)], sys.stdout)
