"""Reading and writing: formats in and out, files whole or not at all."""

from mpisim.io.formats import expect_output, from_matlab, read, read_blocks, write, write_blocks

__all__ = ["expect_output", "from_matlab", "read", "read_blocks", "write", "write_blocks"]
