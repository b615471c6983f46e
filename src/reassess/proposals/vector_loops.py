"""What the scan of full scores does to whole vectors, written for LLVM by hand.

Left to itself, LLVM interleaves two vectors, runs out of the sixteen registers of AVX2 and loads
every constant of the exponential again for each pair; one vector at a time takes 0.7 of the time.
The width is that of the registers at hand, as a wider vector would be interleaved again.

Scores are passed over in groups of `GROUP`. A group's *peaks* are its largest scores lane by lane:
`LANES` numbers, kept without comparing them with one another.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any, no_type_check

import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils as _cgutils
from numba.core import config, types
from numba.extending import intrinsic

cgutils: Any = _cgutils
_named: Any = config
KNOWS_THE_PROCESSOR = not (_named.CPU_NAME or _named.CPU_FEATURES)
"""Whether code is compiled for this processor, and not for another that was named."""

LANES = 8
if KNOWS_THE_PROCESSOR and binding.get_host_cpu_features().get("avx512f"):
    LANES = 16
"""Scores in a vector."""

GROUP = 64
"""Scores of which the peaks are kept, and numbers of which is asked at once how large they are: as
many as a mask has bits."""

AHEAD = 1024
"""Scores ahead of which a cache line is asked for: the sums leave the processor no room to look
that far itself."""

_LINE = 16
"""Scores in a cache line."""

LOG2_E = np.float32(1.4426950408889634)

_P0 = np.float32(0.999999261446)
_P1 = np.float32(0.693121814737)
_P2 = np.float32(0.240247448279)
_P3 = np.float32(0.0559178603194)
_P4 = np.float32(0.00957010191117)
"""The polynomial nearest to 2^f for f in [-0.5, 0.5], by its largest relative error: 2.6e-6."""

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_BITS = ir.VectorType(ir.IntType(32), LANES)
_PLACE = ir.IntType(64)


def _all_lanes(builder: Any, number: Any, kind: Any) -> Any:
    """A vector that is one number in each lane."""
    lane = ir.IntType(32)
    empty = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(empty, number, ir.Constant(lane, 0))
    return builder.shuffle_vector(
        one, empty, ir.Constant(ir.VectorType(lane, kind.count), [0] * kind.count)
    )


def _constant(number: np.float32) -> Any:
    return ir.Constant(_VECTOR, [float(number)] * LANES)


def _product_and_sum(builder: Any, one: Any, other: Any, added: Any) -> Any:
    # Rounded once where the processor can.
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    fused = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")
    return builder.call(fused, [one, other, added])


def _larger(builder: Any, one: Any, other: Any) -> Any:
    # The other of NaN: one instruction where the processor has vectors.
    return builder.select(builder.fcmp_ordered(">", one, other), one, other)


def _exponential(builder: Any, x: Any, least: Any, rounding: Any) -> tuple[Any, Any]:
    # Two factors of e to the power of x, as `reassess.proposals.kernels` has it; NaN of NaN.
    x = builder.select(builder.fcmp_ordered("<", x, least), least, x)
    rounded = _product_and_sum(builder, x, _constant(LOG2_E), rounding)
    f = _product_and_sum(builder, x, _constant(LOG2_E), builder.fsub(rounding, rounded))
    power = _constant(_P4)
    for coefficient in (_P3, _P2, _P1, _P0):
        power = _product_and_sum(builder, power, f, _constant(coefficient))
    exponent = builder.shl(builder.bitcast(rounded, _BITS), ir.Constant(_BITS, [23] * LANES))
    return power, builder.bitcast(exponent, _VECTOR)


def _fold(builder: Any, vector: Any, two: Callable[[Any, Any], Any]) -> Any:
    """One number of all lanes."""
    lanes = [builder.extract_element(vector, ir.Constant(ir.IntType(32), n)) for n in range(LANES)]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [two(one, other) for one, other in zip(lanes[:half], lanes[half:], strict=True)]
    return lanes[0]


def _prefetch(builder: Any, place: Any) -> None:
    # Beyond the end of what is mapped it does nothing.
    number, byte = ir.IntType(32), ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    to_read, into_all_caches, data = (ir.Constant(number, n) for n in (0, 3, 1))
    builder.call(fetch, [builder.bitcast(place, byte), to_read, into_all_caches, data])


def _passed_over(
    context: Any, builder: Any, signature: Any, arguments: Any, add: Callable[..., Any]
) -> Any:
    """A loop over groups that keeps their peaks, and what `add` makes of a total and a vector."""
    values, begin, n_whole, rests, row, peaks, at, first, stop = arguments[:9]
    scores, behind, kept = (
        context.make_array(signature.args[n])(context, builder, one).data
        for n, one in ((0, values), (3, rests), (5, peaks))
    )
    size, lanes = ir.Constant(_PLACE, GROUP), ir.Constant(_PLACE, LANES)
    scores = builder.gep(scores, [begin])
    last = builder.gep(behind, [builder.mul(row, size)])
    total = cgutils.alloca_once_value(builder, _constant(np.float32(0)))
    largest = cgutils.alloca_once_value(builder, _constant(np.float32(-np.inf)))
    with cgutils.for_range(builder, stop, start=first, intp=_PLACE) as loop:
        is_whole = builder.icmp_unsigned("<", loop.index, n_whole)
        group = builder.select(is_whole, builder.gep(scores, [builder.mul(loop.index, size)]), last)
        for line in range(0, GROUP, _LINE):
            _prefetch(builder, builder.gep(group, [ir.Constant(_PLACE, AHEAD + line)]))
        so_far, vectors = builder.load(total), []
        for offset in range(0, GROUP, LANES):
            place = builder.gep(group, [ir.Constant(_PLACE, offset)])
            place = builder.bitcast(place, _VECTOR.as_pointer())
            vectors.append(builder.load(place, align=4, typ=_VECTOR))
            so_far = add(so_far, vectors[-1])
        builder.store(so_far, total)
        peak = reduce(lambda one, other: _larger(builder, other, one), vectors)
        builder.store(_larger(builder, peak, builder.load(largest)), largest)
        place = builder.gep(kept, [builder.add(at, builder.mul(loop.index, lanes))])
        builder.store(peak, builder.bitcast(place, _VECTOR.as_pointer()), align=4)
    sum_ = _fold(builder, builder.load(total), builder.fadd)
    best = _fold(builder, builder.load(largest), lambda one, other: _larger(builder, one, other))
    return context.make_tuple(builder, signature.return_type, (sum_, best))


_FOUND: Any = types.UniTuple(types.float32, 2)  # type: ignore[no-untyped-call]


def _groups(values: Any, rests: Any, peaks: Any) -> tuple[Any, ...]:
    place = types.uint64
    return (values, place, place, rests, place, peaks, place, place, place)


@intrinsic
@no_type_check
def sum_and_largest(
    typing_context, values, begin, n_whole, rests, row, peaks, at, first, stop, least, rounding
):
    """The sum of exponentials of groups of a row, and the largest score.

    Arguments: values [b * K] float32, where the row begins, and how many whole groups it has;
    rests, of which the group of this row is what lies behind them; peaks, and where those of this
    row begin; the first group, and where to stop; the least number whose exponential is taken, and
    what rounds (`reassess.proposals.kernels`).
    """

    def generate(context, builder, signature, arguments):
        least, rounding = (_all_lanes(builder, one, _VECTOR) for one in arguments[9:])

        def add(total, x):
            power, exponent = _exponential(builder, x, least, rounding)
            return _product_and_sum(builder, power, exponent, total)

        return _passed_over(context, builder, signature, arguments, add)

    return _FOUND(*_groups(values, rests, peaks), types.float32, types.float32), generate


@intrinsic
@no_type_check
def nan_and_largest(typing_context, values, begin, n_whole, rests, row, peaks, at, first, stop):
    """NaN where a score of the groups is, else 0; and the largest score."""

    def generate(context, builder, signature, arguments):
        nan = _constant(np.float32(np.nan))

        def add(total, x):
            return builder.select(builder.fcmp_unordered("uno", x, x), nan, total)

        return _passed_over(context, builder, signature, arguments, add)

    return _FOUND(*_groups(values, rests, peaks)), generate


@intrinsic
@no_type_check
def at_least(typing_context, values, start, least):
    """A bit for each of `GROUP` numbers from a place on: whether it is that large."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        vector = ir.VectorType(ir.FloatType(), GROUP)
        place = builder.gep(array.data, [arguments[1]])
        numbers = builder.load(builder.bitcast(place, vector.as_pointer()), align=4, typ=vector)
        each = _all_lanes(builder, arguments[2], vector)
        return builder.bitcast(builder.fcmp_ordered(">=", numbers, each), _PLACE)

    return types.uint64(values, types.uint64, types.float32), generate


@intrinsic
@no_type_check
def lowest_bit(typing_context, mask):
    """The place of the lowest bit that is set; 64 of none."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@intrinsic
@no_type_check
def float_of_half(typing_context, bits):
    """A float16, given by its bits, as float32."""

    def generate(context, builder, signature, arguments):
        half = builder.bitcast(arguments[0], ir.HalfType())
        return builder.fpext(half, ir.FloatType())

    return types.float32(types.uint16), generate
