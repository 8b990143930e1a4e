"""Files of probes: every form that is read gives the same numbers, and what may run code is refused by its bytes."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from auditor.interp.card import CardProblem
from auditor.interp.probe_file import BadProbeFile, Head, read_probe, write_probe
from tests.auditor.interp.test_card import GIVEN

PLAIN = GIVEN | {"standardisation": "none"}
VECTOR = np.array([1.0, -2.0, 0.5, 4.0], np.float32)


def _npy(array: Any, **kept: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **kept)
    return file.getvalue()


def _npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        save({"direction": VECTOR}),
        save({"anything": VECTOR.reshape(1, 4)}),  # one tensor is the direction, whatever its name
        _npy(VECTOR),
        _npy(VECTOR.astype(np.float64).reshape(4, 1)),
        _npz(w=VECTOR),
        _npz(direction=VECTOR, bias=np.zeros(1)),
        json.dumps(VECTOR.tolist()).encode(),
        json.dumps({"direction": VECTOR.tolist(), "bias": 0}).encode(),
    ],
)
def test_every_form_gives_the_same_probe(data: bytes) -> None:
    probe = read_probe(data, name="vector.bin", card=PLAIN)
    assert probe.head.direction.tolist() == VECTOR.tolist()
    assert probe.head.bias == 0.0
    assert write_probe(probe) == write_probe(
        read_probe(json.dumps(VECTOR.tolist()).encode(), name="x", card=PLAIN)
    )


def test_what_is_kept_is_read_again_with_its_card() -> None:
    tensors = {
        "direction": VECTOR, "bias": np.array([0.25], np.float32), "mean": VECTOR / 2, "scale": np.full(4, 2, np.float32),
    }  # fmt: skip
    probe = read_probe(save(tensors), name="probe.safetensors", card=GIVEN)
    again = read_probe(write_probe(probe), name="kept")
    assert again.card == probe.card
    assert write_probe(again) == write_probe(probe)
    x = np.array([[1.0, 0.0, 2.0, 3.0], [0.0, 0.0, 0.0, 0.0]])
    first = ((1 - 0.5) / 2) * 1 + ((0 + 1) / 2) * -2 + ((2 - 0.25) / 2) * 0.5 + ((3 - 2) / 2) * 4 + 0.25
    assert again.head.score(x)[0] == pytest.approx(first, abs=1e-12)
    assert again.head.score(x)[1] == pytest.approx(-0.25 - 1 - 0.0625 - 4 + 0.25, abs=1e-12)


def test_probabilities() -> None:
    head = Head(VECTOR, probability=True)
    scores = head.score(np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 300.0], [-800.0, 0.0, 0.0, 0.0]]))
    assert scores.tolist() == [0.5, 1.0, 0.0]


def test_half_precision_of_both_kinds() -> None:
    wide = np.array([1.0, -2.0, 0.5, 4.0], np.float32)
    bf16 = (wide.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    header = json.dumps({"direction": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}).encode()
    data = len(header).to_bytes(8, "little") + header + bf16
    assert read_probe(data, name="x", card=PLAIN).head.direction.tolist() == wide.tolist()
    assert read_probe(save({"direction": wide.astype(np.float16)}), name="x", card=PLAIN).head.direction.tolist() == wide.tolist()  # fmt: skip


def test_a_card_beside_the_file_may_not_contradict_the_one_inside() -> None:
    kept = write_probe(read_probe(save({"direction": VECTOR}), name="x", card=PLAIN))
    assert read_probe(kept, name="x", card=PLAIN).card.layer == 22
    with pytest.raises(CardProblem, match="layer: the card in the file and the one beside it"):
        read_probe(kept, name="x", card=PLAIN | {"layer": 23})
    with pytest.raises(CardProblem, match="card: it must be a JSON object"):
        read_probe(save({"direction": VECTOR}), name="x")


class _Canary:
    """Runs a command if it is ever built from a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrap", [bytes, zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_pickled_objects_are_known_by_their_bytes_and_never_built(
    protocol: int, wrap: Any, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    data = wrap(pickle.dumps({"direction": _Canary(canary)}, protocol))
    for name in ("probe.safetensors", "probe.npy", "probe.json", "probe.pt"):
        with pytest.raises(BadProbeFile, match="convert_probe"):
            read_probe(data, name=name, card=PLAIN)
    assert not canary.exists()


def test_a_torch_archive_and_an_array_of_objects_are_refused(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("probe/data.pkl", pickle.dumps(_Canary(canary)))
        archive.writestr("probe/data/0", b"\0" * 16)
    with pytest.raises(BadProbeFile, match=r"torch\.save.*convert_probe"):
        read_probe(file.getvalue(), name="probe.safetensors", card=PLAIN)
    objects = np.array([_Canary(canary)], dtype=object)
    for data in (_npy(objects, allow_pickle=True), _npz(direction=objects)):
        with pytest.raises(BadProbeFile, match="Python objects"):
            read_probe(data, name="probe.npy", card=PLAIN)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "none of safetensors"),
        (b"[1, 2", "begins as JSON"),
        (b'[1, "2"]', "list of at most"),
        (b"[1, NaN]", "not finite"),
        (b"[1, 1e400]", "not finite"),
        (b"[1" + b"0" * 400 + b"]", "too large"),
        (b"[0, 0]", "all zeros"),
        (b'{"weights": [1], "bias": 0}', "tensor weights is none of"),
        (b"PK\x03\x04rest", "begins as a zip archive"),
        (save({"direction": VECTOR, "bias": VECTOR}), "bias has 4 numbers"),
        (save({"direction": VECTOR, "mean": VECTOR}), "has tensor mean"),
        (save({"direction": np.ones((2, 2), np.float32)}), r"is \(2, 2\)"),
        (save({"direction": np.ones(4, np.int64)}), "type I64"),
        (save({"direction": np.array([1, np.inf], np.float32)}), "not finite"),
        (save({"direction": np.array([1e300])}), "too large for 32 bits"),
        (save({"a": VECTOR, "b": VECTOR}), "tensor a is none of"),
        (_npy(np.array(["a"])), "numbers are read"),
        (_npz(a=VECTOR, b=VECTOR), "tensor a is none of"),
        (b"\x89HDF\r\n", "HDF5"),
    ],
)
def test_what_is_refused_says_the_file_and_why(data: bytes, words: str) -> None:
    with pytest.raises(BadProbeFile, match=words) as caught:
        read_probe(data, name="probe.x", card=PLAIN)
    assert str(caught.value).startswith("probe.x")


def test_standardisation_needs_its_numbers() -> None:
    with pytest.raises(BadProbeFile, match="has no tensor mean"):
        read_probe(save({"direction": VECTOR}), name="x", card=GIVEN)
    short = {"direction": VECTOR, "mean": VECTOR[:2], "scale": np.ones(4, np.float32)}
    with pytest.raises(BadProbeFile, match="mean has 2 numbers, and direction has 4"):
        read_probe(save(short), name="x", card=GIVEN)
    flat = {"direction": VECTOR, "mean": VECTOR, "scale": np.array([1, 0, 1, 1], np.float32)}
    with pytest.raises(BadProbeFile, match="above 0"):
        read_probe(save(flat), name="x", card=GIVEN)


def test_a_header_that_promises_too_much_is_not_believed() -> None:
    header = _npy(VECTOR).replace(b"(4,), ", b"(9999999999999,), ")
    with pytest.raises(BadProbeFile, match=r"too large|cannot be read"):
        read_probe(header, name="x", card=PLAIN)


@given(st.binary(max_size=400))
def test_no_bytes_do_worse_than_being_refused(data: bytes) -> None:
    for begin in (b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"\x10\0\0\0\0\0\0\0{", b"["):
        try:
            read_probe(begin + data, name="x", card=PLAIN)
        except BadProbeFile:
            continue
