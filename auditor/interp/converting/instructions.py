"""The instructions of a file of pickled objects, gone through without any way to call what they name.

Python's own reader calls whatever a file names. Here a name stands for nothing but itself until a rule in `made`
says which plain value or array is meant; a name without a rule ends the reading, and is told.
"""

import io
import pickletools
import re
from collections.abc import Callable, Iterator
from typing import Any

from auditor.interp.converting.values import (
    STORAGES,
    Array,
    Failed,
    Kind,
    Name,
    Record,
    Refused,
    Storage,
    checked_size,
    numpy_array,
    tensor,
)

MOST_STEPS = 5_000_000  # instructions
RECORDS = re.compile(
    r"sklearn\.(linear_model\.(_\w+|\w+)\.(LogisticRegression|LogisticRegressionCV|RidgeClassifier|SGDClassifier)"
    r"|svm\.(_classes|classes)\.LinearSVC|preprocessing\.(_data|data)\.StandardScaler|pipeline\.Pipeline"
    r"|discriminant_analysis\.LinearDiscriminantAnalysis)"
    r"|joblib\.numpy_pickle\.NumpyArrayWrapper"
)
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple, "EMPTY_SET": list}
LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
MARK = object()
KNOWN = {
    "collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter", "torch.Size",
    "torch.storage._load_from_bytes", "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "numpy.ndarray", "numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "_codecs.encode",
    "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer", "copyreg._reconstructor",
    "copy_reg._reconstructor", "builtins.object", "__builtin__.object",
}  # fmt: skip


class Reader:
    """One run through the instructions; the file stands behind the last of them afterwards."""

    def __init__(
        self, file: io.BytesIO, storages: Callable[[Any], Storage] | None, inner: Callable[[bytes], Any]
    ) -> None:
        """
        Args:
            storages: what a reference to something outside of the instructions means; None: nothing.
            inner: reads an archive that lies inside, by the same rules.
        """
        self.file, self.storages, self.inner = file, storages, inner
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def read(self) -> Any:
        for steps, (opcode, argument, _) in enumerate(self._instructions()):
            if steps >= MOST_STEPS:
                raise Failed("it has too many instructions")
            if opcode.name == "STOP":
                return self.stack.pop()
            self.step(opcode.name, argument)
        raise Failed("it breaks off")

    def _instructions(self) -> Iterator[Any]:
        try:
            yield from pickletools.genops(self.file)
        except (ValueError, UnicodeError) as problem:
            raise Failed(f"it cannot be read: {str(problem)[:200]}") from problem

    def step(self, op: str, argument: Any) -> None:
        stack = self.stack
        if op in ("PROTO", "FRAME"):
            return
        if op in CONSTANTS:
            stack.append(CONSTANTS[op])
        elif op in LITERALS:
            stack.append(argument)
        elif op in EMPTY:
            stack.append(EMPTY[op]())
        elif op == "MARK":
            stack.append(MARK)
        elif op in ("APPEND", "ADDITEMS", "APPENDS"):
            items = [stack.pop()] if op == "APPEND" else self.marked()
            self.top(list).extend(items)
        elif op in ("SETITEM", "SETITEMS", "DICT"):
            items = self.marked() if op != "SETITEM" else [stack.pop(-2), stack.pop()]
            if op == "DICT":
                stack.append({})
            self.fill(self.top(dict), items)
        elif op in ("LIST", "TUPLE", "FROZENSET"):
            items = self.marked()
            stack.append(tuple(items) if op == "TUPLE" else items)
        elif op in ("TUPLE1", "TUPLE2", "TUPLE3"):
            n = int(op[-1])
            items = stack[-n:]
            del stack[-n:]
            stack.append(tuple(items))
        elif op == "POP":
            stack.pop()
        elif op == "POP_MARK":
            self.marked()
        elif op == "DUP":
            stack.append(stack[-1])
        elif op in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif op == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif op in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif op == "GLOBAL":
            stack.append(name_of(*argument.split(" ", 1)))
        elif op == "STACK_GLOBAL":
            name, module = stack.pop(), stack.pop()
            stack.append(name_of(module, name))
        elif op == "INST":
            self.marked()
            stack.append(self.record(name_of(*argument.split(" ", 1))))
        elif op == "OBJ":
            stack.append(self.record(self.marked()[0]))
        elif op in ("NEWOBJ", "NEWOBJ_EX"):
            del stack[-1 if op == "NEWOBJ" else -2 :]
            stack.append(self.record(stack.pop()))
        elif op == "REDUCE":
            arguments, name = stack.pop(), stack.pop()
            if not isinstance(name, Name) or not isinstance(arguments, tuple):
                raise Refused("an object that is no name is called")
            stack.append(self.made(name.text, arguments))
        elif op == "BUILD":
            state = stack.pop()
            self.build(stack[-1], state)
        elif op in ("PERSID", "BINPERSID"):
            given = stack.pop() if op == "BINPERSID" else argument
            if self.storages is None:
                raise Refused("a reference to something outside of the file")
            stack.append(self.storages(given))
        else:
            raise Refused(f"the instruction {op}")

    def marked(self) -> list[Any]:
        """What was put down since the last mark."""
        at = max((i for i, one in enumerate(self.stack) if one is MARK), default=-1)
        if at < 0:
            raise Failed("a mark is missing")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def top(self, kind: type) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise Failed("a list or dict is filled that is none")
        return self.stack[-1]

    @staticmethod
    def fill(into: dict[Any, Any], items: list[Any]) -> None:
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | int | float | bytes):
                raise Failed("a key is neither text nor number")
            into[key] = value

    @staticmethod
    def record(name: Any) -> Record:
        if not isinstance(name, Name) or not RECORDS.fullmatch(name.text):
            raise Refused(name.text if isinstance(name, Name) else "an object of no name")
        return Record(name.text)

    def made(self, name: str, given: tuple[Any, ...]) -> Any:
        """The plain value or array that a name with these arguments stands for."""
        short = re.sub(r"^numpy\.(_core|core)\.", "numpy.core.", name)
        if short == "collections.OrderedDict":
            made: dict[Any, Any] = {}
            for pair in given[0] if given else ():
                self.fill(made, list(pair))
            return made
        if short == "torch._utils._rebuild_tensor_v2" and len(given) >= 4:
            return tensor(*given[:4])
        if short == "torch._utils._rebuild_parameter" and given and isinstance(given[0], Array):
            return given[0]
        if (
            short == "torch.storage._load_from_bytes"
            and len(given) == 1
            and isinstance(given[0], bytes | bytearray)
        ):
            inner = self.inner(bytes(given[0]))  # by these rules again, never by torch
            if not isinstance(inner, Storage):
                raise Refused("an archive inside the file that is no row of numbers")
            return inner
        if short == "torch.Size" and len(given) == 1 and isinstance(given[0], tuple | list):
            return tuple(given[0])
        if short == "numpy.core.multiarray._reconstruct":
            return Array()
        if short == "numpy.dtype" and given and isinstance(given[0], str):
            return Kind(given[0])
        if short == "numpy.core.multiarray.scalar" and len(given) == 2:
            return numpy_array((), given[0], "C", given[1])
        if short == "numpy.core.numeric._frombuffer" and len(given) == 4:
            return numpy_array(given[2], given[1], given[3], given[0])
        if (
            short == "_codecs.encode"
            and len(given) == 2
            and given[1] == "latin1"
            and isinstance(given[0], str)
        ):
            return given[0].encode("latin-1")
        if re.fullmatch(r"(copyreg|copy_reg)\._reconstructor", short) and given:
            return self.record(given[0])
        raise Refused(name)

    def build(self, what: Any, state: Any) -> None:
        """The values that an object was stored with."""
        if isinstance(what, Array) and isinstance(state, tuple) and len(state) == 5:
            what.make = numpy_array(state[1], state[2], "F" if state[3] else "C", state[4]).make
        elif isinstance(what, Kind) and isinstance(state, tuple) and len(state) >= 2:
            if state[1] in ("<", ">"):
                what.text = state[1] + what.text.lstrip("<>=|")
        elif isinstance(what, Record) and isinstance(state, dict):
            what.state.update(state)
            if what.text == "joblib.numpy_pickle.NumpyArrayWrapper":
                self.stack[-1] = self.memo_in_place(what, self.wrapped(what.state))
        elif isinstance(what, dict) and isinstance(state, dict):
            return  # what torch keeps beside a state dict
        else:
            raise Refused("an object is given values that it cannot have")

    def memo_in_place(self, old: Any, new: Any) -> Any:
        """Every later mention of the old object is of the new one."""
        for key, value in self.memo.items():
            if value is old:
                self.memo[key] = new
        return new

    def wrapped(self, state: dict[Any, Any]) -> Array:
        """joblib puts an array's bytes straight behind what it says of it."""
        kind, shape = state.get("dtype"), state.get("shape")
        n = checked_size(shape)
        if not isinstance(kind, Kind):
            raise Failed("an array of no type")
        if state.get("numpy_array_alignment_bytes") is not None:
            self.file.read(self.file.read(1)[0])
        return numpy_array(shape, kind, str(state.get("order")), self.file.read(n * kind.numpy().itemsize))


def name_of(module: Any, name: Any) -> Name:
    """A name that some rule knows.

    Raises:
        Refused: none does.
    """
    if type(module) is not str or type(name) is not str:
        raise Refused("a name that is no text")
    text = f"{module}.{name}"
    if text in KNOWN or RECORDS.fullmatch(text) or (module == "torch" and name in STORAGES):
        return Name(text)
    raise Refused(text)
