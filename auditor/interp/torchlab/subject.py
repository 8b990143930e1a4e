"""A subject model: loaded from safetensors alone, and what it reads of a transcript."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.evidence.blockformat import TokenTable
from auditor.interp.alignment import ASSISTANT, Counting
from auditor.interp.conversation import Turn


class Refused(ValueError):
    """The model cannot be used; why, and what to do, in words for a person."""


@dataclass(frozen=True, slots=True)
class SubjectSpec:
    """Which model, and how it is loaded."""

    reference: str  # a folder, or an id on the hub
    revision: str = ""  # of the hub: a commit, branch or tag
    adapter: str = ""  # LoRA: a folder, or an id on the hub
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
    context: int | None  # tokens it can read at once
    vocabulary: int
    parameters: int
    revision: str  # commit on the hub, where it came from there
    dtype: str
    device: str  # "cpu", or the card's name
    template: str
    template_from: str  # model, given, plain
    files: dict[str, dict[str, Any]]  # name -> {"sha256": ..., "size": bytes}
    digest: str  # of all that bears on a value: files, dtype, adapter, template
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

    facts: Facts

    def read(self, turns: Sequence[Turn], *, counting: Counting = ASSISTANT) -> Read:
        """Render, tokenise, and tie every token to its words.

        Raises:
            alignment.DoesNotFit: template or tokens do not fit the transcript; names message or token.
        """
        raise RuntimeError("the model is not loaded")


def load(spec: SubjectSpec) -> Subject:
    """The model, ready to read.

    Raises:
        Refused: no safetensors, code of its own, files missing, or more than the machine can hold.
    """
    raise Refused(f"{Path(spec.reference).name} cannot be loaded.")
