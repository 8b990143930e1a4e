"""Published probes become arrays, and nothing in their files is ever run.

The files in `fixtures/probes` were written by torch 2.13 and scikit-learn 1.9 themselves, with the scores that these
libraries give.
"""

import builtins
import io
import json
import os
import pickle
import subprocess
import sys
import time
import types
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from auditor.interp.converting.layouts import find
from auditor.interp.converting.process import CannotConvert, read_apart
from auditor.interp.probe_file import head_of, read_probe
from tests.auditor.interp.test_card import GIVEN

FILES = Path(__file__).resolve().parents[2] / "fixtures" / "probes"
TORCH = json.loads((FILES / "torch.json").read_text())
SKLEARN = json.loads((FILES / "pipeline.json").read_text())


def _scores(path: Path, x: Any, *, layer: int | None = None, output: str = "linear") -> list[float]:
    found = find(read_apart(path), layer=layer)
    head = head_of(
        found.tensors, name=path.name, standardisation=found.card["standardisation"], output=output
    )
    return [float(score) for score in head.score(x)]


def test_a_detector_scores_as_its_authors_do() -> None:
    x = np.array(TORCH["x"])
    for at, layer in enumerate((22, 23)):
        ours = _scores(FILES / "detector.pt", x[:, at], layer=layer)
        assert ours == pytest.approx([row[at] for row in TORCH["detector"]], abs=1e-6)


def test_a_detector_of_two_layers_wants_a_choice() -> None:
    held = read_apart(FILES / "detector.pt")
    with pytest.raises(CannotConvert, match=r"22, 23.*--layer"):
        find(held)
    with pytest.raises(CannotConvert, match="no layer 7"):
        find(held, layer=7)
    card = find(held, layer=23, beside={"model_name": "llama-70b"}).card
    assert card == {"kind": "logistic", "layer": 23, "standardisation": "mean_scale", "model": "llama-70b"}


@pytest.mark.parametrize("name", ["probe_head.bin", "older.pt"])
def test_a_head_scores_as_torch_does_in_both_layouts(name: str) -> None:
    x = np.array(TORCH["x"])[:, 0]
    assert _scores(FILES / name, x, output="probability") == pytest.approx(TORCH["head"], abs=1e-6)


def test_a_pipeline_scores_as_scikit_learn_does() -> None:
    assert _scores(FILES / "pipeline.joblib", SKLEARN["x"]) == pytest.approx(SKLEARN["scores"], abs=1e-6)
    found = find(read_apart(FILES / "pipeline.joblib"))
    assert "class 'honest'" in found.notes[0]  # polarity is the file's, and told


def test_compressed_files_are_the_same(tmp_path: Path) -> None:
    packed = tmp_path / "packed.joblib"
    packed.write_bytes(zlib.compress((FILES / "pipeline.joblib").read_bytes()))
    assert _scores(packed, SKLEARN["x"]) == pytest.approx(SKLEARN["scores"], abs=1e-6)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_arrays_in_every_protocol(protocol: int, tmp_path: Path) -> None:
    weight = np.arange(6.0).reshape(2, 3)
    path = tmp_path / "w.pkl"
    held = {
        "weight": weight,
        "bias": np.float32(2),
        "scale": np.asfortranarray(weight).T,
        "n": 7,
        "ö": (1, None, True),
    }
    path.write_bytes(pickle.dumps(held, protocol))
    found = read_apart(path)
    assert found["weight"].tolist() == weight.tolist()
    assert found["scale"].tolist() == weight.T.tolist()
    assert found["bias"].tolist() == [2.0]
    assert (found["n"], found["ö"]) == (7, [1, None, True])


def test_state_dicts(tmp_path: Path) -> None:
    path = tmp_path / "sd.pkl"
    path.write_bytes(pickle.dumps({"state_dict": {"fc.weight": np.array([[1.0, 2, 3], [2, 2, 2]]), "fc.bias": np.array([0.5, 1])}}))  # fmt: skip
    found = find(read_apart(path), beside={"layer_idx": 30, "model_name": "m"})
    assert found.tensors["direction"].tolist() == [1, 0, -1]  # the second output less the first
    assert found.tensors["bias"].tolist() == [0.5]
    assert found.card["layer"] == 30
    path.write_bytes(pickle.dumps({"a": np.ones(3), "b.weight": np.ones(3)}))
    with pytest.raises(CannotConvert, match="2 weights"):
        find(read_apart(path))
    with pytest.raises(CannotConvert, match="no probe of a known layout"):
        find({"x": 1})


# What follows tries to run something.


class _Calls:
    """Says of itself that it is made by calling something."""

    def __init__(self, what: Any, *arguments: Any) -> None:
        self.what, self.arguments = what, arguments

    def __reduce__(self) -> Any:
        return self.what, self.arguments


def _modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Names that torch and joblib write, for Python's own writer of such files; they do nothing."""
    made: dict[str, Any] = {}
    for module, name in (
        ("torch.storage", "_load_from_bytes"), ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter"),
    ):  # fmt: skip
        found = types.ModuleType(module)
        monkeypatch.setitem(sys.modules, module.split(".")[0], types.ModuleType(module.split(".")[0]))
        monkeypatch.setitem(sys.modules, module, sys.modules.get(module, found))
        function = types.FunctionType((lambda *_: None).__code__, {}, name)
        function.__module__, function.__qualname__ = module, name
        monkeypatch.setattr(sys.modules[module], name, function, raising=False)
        made[name] = function
    return made


def _zip(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/data.pkl", data)
        archive.writestr("x/version", "3\n")
    return file.getvalue()


def _stack_global(module: bytes, name: bytes, argument: str) -> bytes:
    """A call of module.name(argument) by the instruction that takes its name from the stack."""
    return (
        b"\x80\x04\x8c" + bytes([len(module)]) + module + b"\x8c" + bytes([len(name)]) + name + b"\x93"
        + b"\x8c" + bytes([len(argument)]) + argument.encode() + b"\x85R."
    )  # fmt: skip


def _hostile(canary: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[bytes, str]]:
    """Files by name, and what the refusal must name."""
    touch = f"touch {canary}"
    code = f"open({str(canary)!r}, 'w').close()"
    torch = _modules(monkeypatch)
    evil = pickle.dumps(_Calls(os.system, touch))
    nested = pickle.dumps({"directions": _Calls(torch["_load_from_bytes"], evil), "layers": [1]})
    deeper = evil
    for _ in range(6):
        deeper = pickle.dumps(_Calls(torch["_load_from_bytes"], deeper))
    shown = pickle.dumps(
        _Calls(torch["_rebuild_tensor_v2"], _Calls(os.system, touch), 0, (1,), (1,), False, None)
    )
    joblib = (FILES / "pipeline.joblib").read_bytes()
    system = "posix.system" if os.system.__module__ == "posix" else "nt.system"
    return {
        "os.system": (evil, system),
        "eval": (pickle.dumps(_Calls(builtins.eval, code)), "builtins.eval"),
        "exec": (pickle.dumps(_Calls(builtins.exec, code), 2), "__builtin__.exec"),
        "getattr": (pickle.dumps(_Calls(builtins.getattr, "", "join")), "builtins.getattr"),
        "Popen": (pickle.dumps(_Calls(subprocess.Popen, ["touch", str(canary)])), "subprocess.Popen"),
        "in an archive": (_zip(evil), system),
        "nested": (nested, system),
        "nested archive": (pickle.dumps(_Calls(torch["_load_from_bytes"], _zip(evil))), system),
        "nested and deep": (deeper, "archives within archives"),
        "as a storage": (shown, system),
        "compressed": (zlib.compress(evil), system),
        "stack": (_stack_global(b"os", b"system", touch), "os.system"),
        "dotted": (_stack_global(b"collections", b"OrderedDict.__init__.__globals__", touch), "__globals__"),
        "known module": (_stack_global(b"torch._utils", b"_import_dotted_name", "os.system"), "_import_dotted_name"),
        "name by parts": (_stack_global(b"numpy", b"core.multiarray.os.system", touch), "numpy.core.multiarray.os"),
        "no text": (b"\x80\x04K\x01K\x02\x93.", "a name that is no text"),
        "INST": (b"(S'" + touch.encode() + b"'\nios\nsystem\n.", "os.system"),
        "OBJ": (b"(cos\nsystem\nS'" + touch.encode() + b"'\no.", "os.system"),
        "a value called": (b"\x80\x02}(K\x01tR.", "no name is called"),
        "state that runs": (b"\x80\x02cnumpy\nndarray\n}(U\x01xK\x01ub.", "values that it cannot have"),
        "extension": (b"\x80\x02\x82\x01.", "the instruction EXT1"),
        "outside": (b"\x80\x02U\x03abcQ.", "outside of the file"),
        "behind joblib's array": (joblib[:-1] + b"cos\nsystem\n(U" + bytes([len(touch)]) + touch.encode() + b"tR.", "os.system"),
    }  # fmt: skip


def test_hostile_files_run_nothing_and_are_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary, path = tmp_path / "canary", tmp_path / "probe.pt"
    for name, (data, told) in _hostile(canary, monkeypatch).items():
        path.write_bytes(data)
        with pytest.raises(CannotConvert) as caught:
            read_apart(path)
        assert told in str(caught.value), name
        assert "asks for" in str(caught.value), name
        assert not canary.exists(), name


def test_these_files_would_run_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary does sing: without this the test above could pass on files that are broken."""
    canary = tmp_path / "canary"
    hostile = _hostile(canary, monkeypatch)
    for name in ("os.system", "eval", "Popen", "stack", "INST", "OBJ"):
        canary.unlink(missing_ok=True)
        made = pickle.loads(hostile[name][0])
        if isinstance(made, subprocess.Popen):
            made.wait()
        assert canary.exists(), name


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f" + b"x" * 20 + b".", "cannot be read"),
        (b"\x80\x02(K\x01", "cannot be read"),
        (b"", "cannot be read"),
        (b"hello", "damaged"),
        (b"\x80\x02R.", "damaged"),
        (b"\x80\x02h\x07.", "damaged"),
        (b"\x80\x04N" + b"\x94h\x00" * 3_000_000 + b".", "too many instructions"),
        (b"PK\x03\x04junk", "damaged"),
        (b"\x78\x9cjunk", "breaks off"),
        (b"BZh9junkjunkjunk", "cannot be unpacked"),
    ],
)
def test_damaged_and_huge_files_are_refused(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(data)
    with pytest.raises(CannotConvert, match=words):
        read_apart(path)


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path, packing = tmp_path / "x.joblib", zlib.compressobj(1)
    mega = bytes(1 << 20)
    path.write_bytes(b"".join(packing.compress(mega) for _ in range(520)) + packing.flush())
    with pytest.raises(CannotConvert, match="unpacks to more than 536,870,912 bytes"):
        read_apart(path)


def _bomb(depth: int) -> bytes:
    """A list that holds the one before it twice, `depth` times over."""
    return b"\x80\x02]q\x00" + b"".join(
        b"]q" + bytes([n]) + b"(h" + bytes([n - 1]) + b"h" + bytes([n - 1]) + b"e" for n in range(1, depth)
    ) + b"h" + bytes([depth - 1]) + b"."  # fmt: skip


def test_what_unfolds_without_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pkl"
    path.write_bytes(_bomb(60))
    began = time.monotonic()
    with pytest.raises(CannotConvert, match=r"too many values|more memory"):
        read_apart(path)
    itself: list[Any] = []
    itself.append(itself)
    path.write_bytes(pickle.dumps(itself))
    with pytest.raises(CannotConvert, match="more memory"):
        read_apart(path)
    assert time.monotonic() - began < 30


def test_a_shape_that_promises_too_much_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "huge.pkl"
    path.write_bytes(pickle.dumps(np.ones(3)).replace(b"K\x03\x85", b"J\xff\xff\xff\x7f\x85"))
    with pytest.raises(CannotConvert, match="too large"):
        read_apart(path)


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "objects.pkl"
    path.write_bytes(pickle.dumps(np.array([{}, 1], dtype=object)))
    with pytest.raises(CannotConvert, match=r"Python objects|arrays of numbers"):
        read_apart(path)


def test_the_process_can_open_start_and_connect_nothing() -> None:
    """Even if a rule were wrong: what it gave up, it cannot take back."""
    root = str(Path(__file__).resolve().parents[3])
    begin = (
        "import sys, os; sys.path.insert(0, sys.argv[1])\n"
        "from auditor.interp.converting.child import give_up\ngive_up()\n"
    )
    for attempt in (
        "open('/etc/hostname')",
        "__import__('socket').socket()",
        "os.system('true')",
        "os.fork()",
        "eval('1')",
    ):
        done = subprocess.run(
            [sys.executable, "-I", "-c", f"{begin}{attempt}\nprint('came through', flush=True)", root],
            capture_output=True, env={"OPENBLAS_NUM_THREADS": "1"}, check=False,
        )  # fmt: skip
        assert done.returncode != 0, attempt
        assert b"came through" not in done.stdout, attempt


def test_the_command_writes_a_probe_with_its_card(tmp_path: Path) -> None:
    card, out = tmp_path / "card.json", tmp_path / "probe.safetensors"
    card.write_text(json.dumps(GIVEN | {"layer": 23, "hook": "blocks.23.hook_resid_post"}))
    said = io.StringIO()
    call_command("convert_probe", FILES / "detector.pt", out=out, layer=23, card=card, stdout=said)
    probe = read_probe(out.read_bytes(), name=out.name)
    assert probe.card.layer == 23
    assert [float(s) for s in probe.head.score(np.array(TORCH["x"])[:, 1])] == pytest.approx(
        [row[1] for row in TORCH["detector"]], abs=1e-6
    )
    assert "honest positive" in said.getvalue()


def test_without_a_card_it_says_what_is_missing(tmp_path: Path) -> None:
    head, out, said = tmp_path / "probe_head.bin", tmp_path / "probe.safetensors", io.StringIO()
    head.write_bytes((FILES / "probe_head.bin").read_bytes())
    (tmp_path / "probe_config.json").write_text(json.dumps({"layer_idx": 30, "model_name": "llama"}))
    call_command("convert_probe", head, out=out, stdout=said)
    draft = json.loads((tmp_path / "probe.card.json").read_text())
    assert (draft["layer"], draft["kind"], draft["output"], draft["model"]) == (
        30, "token_hallucination", "probability", "llama",
    )  # fmt: skip
    assert draft["polarity"] is None
    assert "polarity" in said.getvalue()
    said_so = {name: GIVEN[name] for name in ("revision", "hook", "convention", "polarity", "token_rule", "aggregation", "training")}  # fmt: skip
    probe = read_probe(out.read_bytes(), name=out.name, card=draft | said_so)
    assert probe.head.score(np.array(TORCH["x"])[:, 0]) == pytest.approx(TORCH["head"], abs=1e-6)


def test_the_command_refuses_in_words(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(_Calls(os.system, f"touch {tmp_path / 'canary'}")))
    with pytest.raises(CommandError, match=r"system, which a probe does not need; nothing in it was run"):
        call_command("convert_probe", path, out=tmp_path / "x.safetensors")
    with pytest.raises(CommandError, match="is no file"):
        call_command("convert_probe", tmp_path / "none", out=tmp_path / "x.safetensors")
    with pytest.raises(CommandError, match="ends in"):
        call_command("convert_probe", path, out=tmp_path / "x.pt")
    assert not (tmp_path / "canary").exists()
