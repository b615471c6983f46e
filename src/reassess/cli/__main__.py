"""``python -m reassess.cli``: the command line without its entry point."""

from reassess.cli import main

if __name__ == "__main__":
    main(prog_name="reassess")
