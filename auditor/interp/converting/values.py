"""What a file of pickled objects is made into: names that stand for nothing, records, and arrays of numbers."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

MOST_NUMBERS = 32 * 1024 * 1024  # of one array
STORAGES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "BFloat16Storage": "bf16", "LongStorage": "<i8",
    "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1", "BoolStorage": "?",
}  # fmt: skip
PLAIN = re.compile(r"[<>=|]?([fiu][1248]|b1|[US]\d{1,4})")


class Refused(Exception):
    """The file names something that is not built here."""


class Failed(Exception):
    """The file is damaged, too large, or not of a form that is known."""


class Name:
    """A name in the file; it stands for nothing but itself."""

    def __init__(self, text: str) -> None:
        self.text = text


class Record:
    """An object of a known class, as the values it was stored with."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.state: dict[Any, Any] = {}


class Kind:
    """The type of numbers in an array."""

    def __init__(self, text: str) -> None:
        self.text = text

    def numpy(self) -> Any:
        if not PLAIN.fullmatch(self.text):
            raise Failed(f"it holds an array of type {self.text[:40]}, and arrays of numbers are read")
        return np.dtype(self.text)


class Storage:
    """Numbers in a row, some of which a tensor shows; their bytes may come later in the file."""

    def __init__(self, kind: str, data: bytes | None = None) -> None:
        self.kind, self.data = kind, data

    def numbers(self) -> Any:
        if self.data is None:
            raise Failed("the file names numbers that it does not hold")
        if self.kind == "bf16":
            return (np.frombuffer(self.data, "<u2").astype(np.uint32) << 16).view(np.float32)
        return np.frombuffer(self.data, self.kind)


class Array:
    """An array, made when the whole file has been read."""

    def __init__(self, make: Callable[[], Any] | None = None) -> None:
        self.make = make

    def numbers(self) -> Any:
        if self.make is None:
            raise Failed("an array was begun and never filled")
        return self.make()


def checked_size(shape: Any) -> int:
    """How many numbers an array of this shape has, if it may have so many."""
    if (
        not isinstance(shape, tuple | list)
        or any(type(n) is not int or n < 0 for n in shape)
        or len(shape) > 8
    ):
        raise Failed("an array has no shape")
    n = math.prod(shape)
    if n > MOST_NUMBERS:
        raise Failed(f"an array says that it is {tuple(shape)}, which is too large")
    return n


def tensor(storage: Any, offset: Any, size: Any, stride: Any) -> Array:
    """What of a storage a tensor shows."""
    checked_size(size)
    whole = [offset, *stride] if isinstance(stride, tuple | list) else [None]
    if (
        not isinstance(storage, Storage)
        or len(stride) != len(size)
        or any(type(n) is not int or n < 0 for n in whole)
    ):
        raise Failed("a tensor does not say what it is made of")

    def make() -> Any:
        numbers = storage.numbers()
        last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        if math.prod(size) == 0:
            return np.zeros(size, numbers.dtype)
        if last >= len(numbers):
            raise Failed("a tensor reaches beyond the numbers that it is made of")
        steps = [s * numbers.itemsize for s in stride]
        return np.lib.stride_tricks.as_strided(numbers[offset:], size, steps).copy()

    return Array(make)


def numpy_array(shape: Any, kind: Any, order: str, data: Any) -> Array:
    """A numpy array from its bytes."""
    n = checked_size(shape)
    if not isinstance(kind, Kind) or not isinstance(data, bytes | bytearray):
        raise Failed("an array holds Python objects, and arrays of numbers alone are read")

    def make() -> Any:
        if len(data) != n * kind.numpy().itemsize:
            raise Failed("an array has other bytes than its shape says")
        return np.frombuffer(bytes(data), kind.numpy()).reshape(shape, order="F" if order == "F" else "C")

    return Array(make)
