"""Reading and writing: formats in and out, files whole or not at all."""

from mpisim.io.formats import FORMATS, FileFormat, check_format, expect_output, read, read_blocks, write, write_blocks

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
