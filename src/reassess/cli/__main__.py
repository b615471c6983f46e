"""``python -m reassess.cli``: the command line without its entry point."""

from reassess.cli import main

main(prog_name="reassess")
