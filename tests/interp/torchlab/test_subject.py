"""Models come from safetensors alone; what else a folder holds is refused before anything of it runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from auditor.interp.hookpoints import Place
from auditor.interp.torchlab import capture
from auditor.interp.torchlab.probes import ProbeHead, ProbeUse
from auditor.interp.torchlab.subject import Refused, SubjectSpec, load
from tests.interp.tiny_models import CONTEXT, FAMILIES, LAYERS, WIDTH, make
from tests.interp.torchlab.conftest import talk

pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)  # peft asks it


@pytest.fixture
def copy(folders: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(folders["llama"], tmp_path / "copy"))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_says_what_it_is(family: str, subjects: dict[str, Any]) -> None:
    facts = subjects[family].facts
    assert (facts.n_layers, facts.d_model, facts.context, facts.dtype, facts.device) == (
        LAYERS,
        WIDTH,
        CONTEXT,
        "float32",
        "cpu",
    )
    assert facts.template_from == ("plain" if family == "gpt2" else "model")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(facts.files)
    assert all(len(about["sha256"]) == 64 and about["size"] > 0 for about in facts.files.values())


def test_equal_folders_have_one_digest_and_every_file_bears_on_it(
    copy: Path, subjects: dict[str, Any]
) -> None:
    facts = subjects["llama"].facts
    assert load(SubjectSpec(str(copy), device="cpu")).facts.digest == facts.digest
    assert load(SubjectSpec(str(copy), device="cpu", dtype="bfloat16")).facts.digest != facts.digest
    given = load(
        SubjectSpec(
            str(copy), device="cpu", chat_template="{% for m in messages %}{{ m.content }}|{% endfor %}"
        )
    )
    assert (given.facts.template_from, given.facts.digest != facts.digest) == ("given", True)
    assert given.read(talk("a", "b")).rendered == "a|b|"
    written = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(written | {"rms_norm_eps": 1e-3}))
    assert load(SubjectSpec(str(copy), device="cpu")).facts.digest != facts.digest


def refused(folder: Path, words: str, **more: Any) -> None:
    with pytest.raises(Refused, match=words):
        load(SubjectSpec(str(folder), device="cpu", **more))


def test_weights_that_can_run_code_are_refused_with_how_to_convert_them(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    refused(copy, "pytorch_model.bin, a kind of file that can run code.*save_pretrained")
    (copy / "pytorch_model.bin").unlink()
    refused(copy, "model.safetensors is missing")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_code_of_the_model_s_own_is_refused(copy: Path, name: str) -> None:
    written = json.loads((copy / name).read_text())
    (copy / name).write_text(json.dumps(written | {"auto_map": {"AutoModelForCausalLM": "modeling_x.Model"}}))
    (copy / "modeling_x.py").write_text("raise SystemExit('owned')")
    refused(copy, f"{name} names code of the model's own")


def test_what_is_missing_or_broken_is_named(copy: Path, tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "There is no folder")
    refused(Path("nobody/nothing"), "is not on this machine, and fetching is not allowed here")
    (copy / "tokenizer.json").rename(copy / "other")
    refused(copy, "tokenizer.json is missing")
    (copy / "other").rename(copy / "tokenizer.json")
    (copy / "config.json").write_text("{")
    refused(copy, "config.json is no JSON")
    (copy / "config.json").unlink()
    refused(copy, "config.json is missing")


def test_weights_that_are_not_in_the_files_are_not_made_up(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    refused(copy, "1 of its weights are not in the files, among them model.layers.1.mlp.up_proj.weight")
    (copy / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0notjson!")
    refused(copy, "model.safetensors: This is no safetensors file")


def test_an_index_may_name_files_of_the_folder_alone(copy: Path) -> None:
    index = copy / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../other.safetensors"}}))
    refused(copy, "no safetensors file in the folder")
    index.write_text(json.dumps({"weight_map": {"a": "model-2.safetensors"}}))
    refused(copy, "model-2.safetensors is missing")


def test_what_the_machine_does_not_have_is_refused(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.interp.torchlab.subject._free", lambda: 100_000)
    refused(copy, "Its weights need 0.0 GB")
    refused(copy, "is no dtype", dtype="int8")
    if not torch.cuda.is_available():
        with pytest.raises(Refused, match="no CUDA device"):
            load(SubjectSpec(str(copy), device="cuda"))


def test_a_template_that_refuses_a_conversation_refuses_that_one_alone(subjects: dict[str, Any]) -> None:
    from auditor.interp.alignment import DoesNotFit
    from auditor.interp.conversation import Turn, Words

    with pytest.raises(DoesNotFit, match="System role not supported"):
        subjects["gemma"].read((Turn(0, "system", (Words(0, "text", "x"),)),))
    assert len(subjects["gemma"].read(talk("a", "b"))) > 0


# --- LoRA.


def lora(
    folder: Path, base: Path, *, family: str = "llama", targets: tuple[str, ...] = ("q_proj", "v_proj")
) -> Path:
    import peft
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    torch.manual_seed(9)
    adapted = peft.get_peft_model(
        model, peft.LoraConfig(r=2, target_modules=list(targets), task_type="CAUSAL_LM")
    )
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                weight.normal_(0, 0.3)
    adapted.save_pretrained(folder)
    return folder


def values(subject: Any, read: Any, *, adapter: Path | None = None) -> np.ndarray:
    head = ProbeHead(np.linspace(-1, 1, WIDTH))
    ((_, seen),) = capture.run(subject, [(0, read)], [ProbeUse("p", head, Place(2), adapter)])
    return np.asarray(seen.values["p"])


def test_a_lora_of_the_subject_becomes_part_of_it(
    folders: dict[str, Path], subjects: dict[str, Any], tmp_path: Path
) -> None:
    adapter = lora(tmp_path / "lora", folders["llama"])
    adapted = load(SubjectSpec(str(folders["llama"]), adapter=str(adapter), device="cpu"))
    assert adapted.facts.digest != subjects["llama"].facts.digest
    assert "adapter/adapter_model.safetensors" in adapted.facts.files
    read = adapted.read(talk("Was it a slip?", "It was a plan."))
    mine, plain = values(adapted, read), values(subjects["llama"], read)
    assert np.abs(mine - plain).max() > 0.1
    import peft
    import transformers

    model = peft.PeftModel.from_pretrained(
        transformers.AutoModelForCausalLM.from_pretrained(folders["llama"]), adapter
    )
    with torch.no_grad():
        hidden = model(
            torch.tensor(read.table.id[None]), output_hidden_states=True, use_cache=False
        ).hidden_states
    last = model.base_model.model.model.layers
    assert len(last) == LAYERS
    seen: list[torch.Tensor] = []
    handle = last[2].register_forward_hook(
        lambda module, args, out: seen.append(out[0] if isinstance(out, tuple) else out)
    )
    with torch.no_grad():
        model(torch.tensor(read.table.id[None]), use_cache=False)
    handle.remove()
    assert len(hidden) == LAYERS + 1
    expected = seen[0][0].double().numpy() @ np.linspace(-1, 1, WIDTH)
    assert mine == pytest.approx(expected, abs=1e-3)


def test_a_probe_s_lora_is_there_for_its_pass_alone(folders: dict[str, Path], tmp_path: Path) -> None:
    subject = load(SubjectSpec(str(folders["llama"]), device="cpu"))
    first, second = (
        lora(tmp_path / "a", folders["llama"]),
        lora(tmp_path / "b", folders["llama"], targets=("o_proj",)),
    )
    read = subject.read(talk("Was it a slip?", "It was a plan."))
    before = values(subject, read)
    head = ProbeHead(np.linspace(-1, 1, WIDTH))
    uses = [
        ProbeUse("plain", head, Place(2)), ProbeUse("first", head, Place(2), first),
        ProbeUse("second", head, Place(2), second), ProbeUse("early", head, Place(1)),
    ]  # fmt: skip
    ((_, seen),) = capture.run(subject, [(0, read)], uses)
    assert (seen.values["plain"] == before).all(), "bit for bit"
    assert np.abs(seen.values["first"] - before).max() > 0.1
    assert np.abs(seen.values["second"] - seen.values["first"]).max() > 0.1
    assert (values(subject, read) == before).all(), "afterwards the model is what it was"
    assert values(subject, read, adapter=first) == pytest.approx(seen.values["first"])
    assert not any("lora_" in name for name, _ in subject.model.named_parameters()), (
        "and nothing of it is left"
    )


def test_an_adapter_that_is_no_lora_of_safetensors_or_of_another_model_is_refused(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    adapter = lora(tmp_path / "lora", folders["llama"])
    wide = make("llama", tmp_path / "wide", width=64)
    refused(wide, "The adapter does not fit the model|made for another model", adapter=str(adapter))
    refused(folders["gpt2"], "The adapter does not fit the model", adapter=str(adapter))
    written = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(written | {"peft_type": "IA3"}))
    refused(folders["llama"], "only LoRA is applied", adapter=str(adapter))
    (adapter / "adapter_config.json").write_text(
        json.dumps(written | {"auto_mapping": {"parent_library": "evil", "base_model_class": "X"}})
    )
    refused(folders["llama"], "code of another package", adapter=str(adapter))
    (adapter / "adapter_config.json").write_text(json.dumps(written))
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    refused(folders["llama"], "adapter_model.bin, a kind of file that can run code", adapter=str(adapter))
