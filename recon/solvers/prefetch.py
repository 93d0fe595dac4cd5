"""A hint to the processor, in compiled loops, to load a value into the cache before it is used."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

__all__ = ["LINE", "prefetch"]

LINE = 64
"""Bytes that a cache loads at once, on most processors."""
_READ, _NEAREST, _DATA = 0, 3, 1  # arguments of llvm.prefetch: what for, how near, data or instructions


def prefetch(matrix: np.ndarray, row: int, column: int) -> None:
    """Ask for matrix[row, column]; this changes nothing but the time that the value takes later.

    Compiled code issues the instruction of the processor (https://llvm.org/docs/LangRef.html#llvm-prefetch-intrinsic).
    Plain Python does nothing.
    """


def _instruction(context: Any, matrix: Any, row: Any, column: Any) -> Any:
    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = target.make_array(signature.args[0])(target, builder, arguments[0])
        item = cgutils.get_item_pointer(target, builder, signature.args[0], array, arguments[1:])
        integer, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, integer, integer, integer])
        hint = builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
        how = [integer(number) for number in (_READ, _NEAREST, _DATA)]
        builder.call(hint, [builder.bitcast(item, pointer), *how])
        return target.get_dummy_value()

    return types.void(matrix, types.intp, types.intp), generate


_prefetch: Any = intrinsic(_instruction)


@overload(prefetch)
def _compiled(matrix: Any, row: Any, column: Any) -> Any:
    def hint(matrix: Any, row: Any, column: Any) -> Any:  # numba demands the same annotations
        return _prefetch(matrix, row, column)

    return hint
