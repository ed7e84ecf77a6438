"""One instruction for compiled code: AVX-512 VNNI multiplies 64 bytes with 64 others and adds the products.

Numba's compiler does not choose it by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

# Whether the processor that Numba compiles for has it: NUMBA_CPU_NAME may name another one than this.
HERE = "+avx512vnni" in cpu_target.target_context.codegen().magic_tuple()[2].split(",")
LANE = 64  # bytes at a time


@intrinsic
def _sum(context: Any, unsigned: Any, signed: Any, count: Any) -> Any:
    """The sum of the products of `count` bytes without a sign and as many with one, at two addresses."""
    number = ir.IntType(32)
    lanes = ir.VectorType(number, LANE // 4)

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        def function(name: str, result: Any, *arguments: Any) -> Any:
            kind = ir.FunctionType(result, arguments)
            return cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]

        def at(address: Any, offset: Any) -> Any:
            place = builder.inttoptr(builder.add(address, offset), lanes.as_pointer())
            return builder.load(place, align=1)

        multiply = function("llvm.x86.avx512.vpdpbusd.512", lanes, lanes, lanes, lanes)
        unsigned, signed, count = given
        step = ir.Constant(count.type, LANE)
        total = cgutils.alloca_once_value(builder, ir.Constant(lanes, None))  # type: ignore[no-untyped-call]
        with cgutils.for_range(builder, builder.udiv(count, step)) as loop:
            offset = builder.mul(loop.index, step)
            products = builder.call(multiply, [builder.load(total), at(unsigned, offset), at(signed, offset)])
            builder.store(products, total)
        return builder.call(function("llvm.vector.reduce.add.v16i32", number, lanes), [builder.load(total)])

    return types.int32(types.intp, types.intp, types.intp), code


# For compiled functions alone: the addresses of bytes without a sign and of bytes with one, and how many each.
byte_products = cast(Callable[[int, int, int], int], _sum)
