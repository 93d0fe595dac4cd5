"""Reading and writing: formats in and out, files whole or not at all."""

from mpisim.io.checks import check_format
from mpisim.io.formats import FORMATS, FileFormat
from mpisim.io.reading import read, read_blocks
from mpisim.io.writing import expect_output, write, write_blocks

__all__ = [
    "FORMATS",
    "FileFormat",
    "check_format",
    "expect_output",
    "read",
    "read_blocks",
    "write",
    "write_blocks",
]
