"""Tables of votes that are laid out in another way than one vote a row, brought into that form.

wide   one row a question, one column a rater, and empty cells where a rater gave no vote
       (`reassess.files.wide_votes`)
MTurk  the results of a batch (`reassess.files.mturk`)

What comes back is a table that `reassess.files.vote_tables` and `reassess.files.arrow_votes` read.
"""

from reassess.files.mturk import is_mturk, read_mturk
from reassess.files.tables import ColumnFile
from reassess.files.wide_votes import is_wide, read_wide


def one_vote_a_row(table: ColumnFile) -> ColumnFile:
    """The table with one vote a row: itself, where it has none of the layouts above.

    Raises:
        FileError: which column is what is not certain.
        DataError: a cell is not what it must be.
    """
    if is_mturk(table):
        return read_mturk(table)
    return read_wide(table) if is_wide(table) else table
