"""A subject model: loaded from safetensors alone, and what it reads of a transcript."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peft
import torch
import transformers

from auditor.evidence.blockformat import TokenTable
from auditor.interp.alignment import ASSISTANT, Counting, place, tie
from auditor.interp.conversation import Turn, reasoning_key_of
from auditor.interp.normal_forms import normalised
from auditor.interp.torchlab import folders
from auditor.interp.torchlab.folders import Refused
from auditor.interp.torchlab.vocabulary import Vocabulary

__all__ = ["Facts", "Read", "Refused", "Subject", "SubjectSpec", "load"]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
SHARE_OF_MEMORY = 0.9  # of what is free, that weights may take


@dataclass(frozen=True, slots=True)
class SubjectSpec:
    """Which model, and how it is loaded."""

    reference: str  # a folder, or an id on the hub
    revision: str = ""  # on the hub: a commit, branch or tag
    adapter: str = ""  # LoRA, by a folder or an id; it becomes part of the weights
    dtype: str = "float32"  # float32, bfloat16, float16
    device: str = "auto"  # auto, cpu, cuda
    chat_template: str = ""  # instead of the model's own
    may_download: bool = False  # from the hub; otherwise only what lies here is used


@dataclass(frozen=True)
class Facts:
    """What there is to say of a loaded model."""

    architecture: str  # "LlamaForCausalLM"
    n_layers: int
    d_model: int
    context: int | None  # tokens that it can read at once
    vocabulary: int
    parameters: int
    revision: str  # its commit, where it came from the hub
    dtype: str
    device: str  # "cpu", or the card's name
    template: str
    template_from: str  # model, given, plain
    files: dict[
        str, dict[str, Any]
    ]  # name -> {"sha256": ..., "size": bytes}; the adapter's begin with "adapter/"
    digest: str  # sha256 of all that bears on a value: files, dtype, template
    tokenizer_digest: str


@dataclass(frozen=True)
class Read:
    """What the model reads of a transcript, and where each token stands."""

    rendered: str
    table: TokenTable
    parts: tuple[str, ...]
    left_out: int = 0  # code points of the transcript that the template does not show it

    def __len__(self) -> int:
        return len(self.table)


class Subject:
    """A loaded model with its tokenizer and template."""

    def __init__(self, model: Any, vocabulary: Vocabulary, facts: Facts, device: torch.device) -> None:
        self.model, self.vocabulary, self.facts, self.device = model, vocabulary, facts, device
        self._with_adapters: Any = None
        self._names: dict[Path, str] = {}

    @property
    def core(self) -> Any:
        """The model without the head that predicts tokens, which no activation needs."""
        return self.model.base_model

    def read(self, turns: Sequence[Turn], *, counting: Counting = ASSISTANT) -> Read:
        """Render, tokenise, and tie every token to its words.

        Raises:
            alignment.DoesNotFit: template or tokens do not fit the transcript; names message or token.
        """
        key = reasoning_key_of(self.facts.template)
        placed = place(turns, self.vocabulary.render, reasoning_key=key)
        if self.vocabulary.form:
            placed = normalised(placed, self.vocabulary.form)
        ids, pieces = self.vocabulary.tokens(placed.rendered)
        tied = tie(placed, pieces, ids=ids, counting=counting)
        return Read(placed.rendered, tied.table, tied.parts, tied.left_out)

    @contextmanager
    def adapted(self, adapter: Path | None) -> Iterator[None]:
        """With a LoRA applied for as long as this lasts; afterwards the model is what it was.

        Raises:
            Refused: no LoRA of safetensors, or one of another model.
        """
        if adapter is None:
            if self._with_adapters is None:
                yield
            else:
                with self._with_adapters.disable_adapter():
                    yield
            return
        if adapter not in self._names:
            name = f"a{len(self._names)}"
            self._with_adapters = _adapted(self.model, self._with_adapters, adapter, name)
            self._names[adapter] = name
        self._with_adapters.set_adapter(self._names[adapter])
        yield

    def forget_adapters(self) -> None:
        """Take away every LoRA that `adapted` applied; the model is what was loaded."""
        if self._with_adapters is not None:
            self._with_adapters.unload()
            self._with_adapters, self._names = None, {}


def load(spec: SubjectSpec) -> Subject:
    """The model, ready to read.

    Raises:
        Refused: no safetensors, code of its own, something missing, or more than the machine can hold.
    """
    if spec.dtype not in DTYPES:
        raise Refused(f"{spec.dtype[:40]!r} is no dtype; it is one of {', '.join(DTYPES)}.")
    device = _device(spec.device)
    folder, revision = folders.find(spec.reference, spec.revision, may_download=spec.may_download)
    folders.check_model(folder)
    parameters = folders.parameters_in(folder)
    _check_memory(parameters * (4 if spec.dtype == "float32" else 2), device)
    try:
        vocabulary = Vocabulary(
            transformers.AutoTokenizer.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            ),
            spec.chat_template,
        )
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=DTYPES[spec.dtype], use_safetensors=True, trust_remote_code=False, local_files_only=True,
            output_loading_info=True,
        )  # fmt: skip
    except Refused:
        raise
    except Exception as problem:  # the library raises whatever a file leads it to
        raise Refused(f"It could not be loaded: {' '.join(str(problem).split())[:300]}") from problem
    missing = sorted(info.get("missing_keys") or ()) + sorted(map(str, info.get("mismatched_keys") or ()))
    if missing:
        raise Refused(
            f"{len(missing)} of its weights are not in the files, among them {missing[0]}; they would be random."
        )
    files = folders.digests(folder)
    if spec.adapter:
        beside, _ = folders.find(spec.adapter, "", may_download=spec.may_download)
        model = _adapted(model, None, beside, "own").merge_and_unload()
        files |= {f"adapter/{name}": about for name, about in folders.digests(beside, ()).items()}
    model = model.to(device).eval().requires_grad_(False)
    return Subject(model, vocabulary, _facts(model, vocabulary, spec, files, revision, device), device)


def _facts(
    model: Any, vocabulary: Vocabulary, spec: SubjectSpec, files: dict[str, dict[str, Any]], revision: str,
    device: torch.device,
) -> Facts:  # fmt: skip
    text = model.config.get_text_config()
    digests = {name: about["sha256"] for name, about in files.items()}
    tokenizer = {name: digest for name, digest in digests.items() if name in folders.TOKENIZER}
    return Facts(
        architecture=type(model).__name__,
        n_layers=int(text.num_hidden_layers), d_model=int(text.hidden_size),
        context=getattr(text, "max_position_embeddings", None),
        vocabulary=len(vocabulary.tokenizer),
        parameters=sum(one.numel() for one in model.parameters()),
        revision=revision, dtype=spec.dtype,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        template=vocabulary.template, template_from=vocabulary.template_from, files=files,
        digest=folders.digest_of({"files": digests, "dtype": spec.dtype, "template": vocabulary.template}),
        tokenizer_digest=folders.digest_of({"files": tokenizer, "template": vocabulary.template}),
    )  # fmt: skip


def _adapted(model: Any, before: Any, folder: Path, name: str) -> Any:
    """The model with one more LoRA.

    Raises:
        Refused: it is none of safetensors, or was made for another model.
    """
    folders.check_adapter(folder)
    try:
        if before is None:
            adapted: Any = peft.PeftModel.from_pretrained(
                model, folder, adapter_name=name, use_safetensors=True
            )
            report = adapted.load_adapter(folder, adapter_name=name, use_safetensors=True)
        else:
            adapted = before
            report = adapted.load_adapter(folder, adapter_name=name, use_safetensors=True)
    except Exception as problem:
        raise Refused(
            f"The adapter does not fit the model: {' '.join(str(problem).split())[:300]}"
        ) from problem
    lacking = [key for key in report.missing_keys if "lora_" in key and f".{name}." in key]
    if lacking or report.unexpected_keys:
        raise Refused(
            f"The adapter was made for another model: {(lacking or list(report.unexpected_keys))[0]} does not fit."
        )
    return adapted.eval().requires_grad_(False)


def _device(wanted: str) -> torch.device:
    if wanted not in ("auto", "cpu", "cuda"):
        raise Refused(f"{wanted[:40]!r} is no device; it is auto, cpu or cuda.")
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise Refused("There is no CUDA device on this machine; choose auto or cpu.")
    return torch.device("cuda" if there and wanted != "cpu" else "cpu")


def _check_memory(needed: int, device: torch.device) -> None:
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _free()
    if free is not None and needed > SHARE_OF_MEMORY * free:
        raise Refused(
            f"Its weights need {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free on {device.type}."
        )


def _free() -> int | None:
    """Bytes of memory that are free, on Linux."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
