"""The door to the torch room: what a carrier asks of a loaded model, and how one is opened.

Nothing here imports torch when it is imported; the functions do, in the worker that reads models. Whoever has no
torch, as a test of the carrier, gives another `Reader`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from safetensors.numpy import load_file

from auditor.evidence.blockformat import Floats, TokenTable, Top
from auditor.interp.adapters import adapter_on_disk
from auditor.interp.card import Card
from auditor.interp.channels import feature_key
from auditor.interp.conversation import Turn
from auditor.interp.hookpoints import Place
from auditor.interp.modelfiles import on_disk
from auditor.interp.modelfolders import OutsideFolders, folder_of
from auditor.interp.models import FULL, Instrument, SubjectModel

if TYPE_CHECKING:
    from auditor.interp.torchlab.capture import Instrument as Use
    from auditor.interp.torchlab.subject import Subject

NO_TORCH = (
    "This worker has no torch: make interp installs it, and the worker for models then takes the work up."
)
CHANGED = (
    "The model's files are other ones than those that were checked, so what they would say is another model's. "
    "Register the model anew under another name."
)


class CannotRead(ValueError):
    """The model or an instrument cannot be used; the message says why, for people."""


class Reading(Protocol):
    """What a model reads of one transcript, and where each token stands."""

    @property
    def rendered(self) -> str: ...
    @property
    def table(self) -> TokenTable: ...
    @property
    def parts(self) -> tuple[str, ...]: ...
    @property
    def left_out(self) -> int: ...


class Seen(Protocol):
    """What instruments saw of one transcript of n tokens."""

    @property
    def values(self) -> Mapping[str, Floats]: ...
    @property
    def tops(self) -> Mapping[str, Top]: ...
    @property
    def seconds(self) -> float: ...
    @property
    def words(self) -> str: ...


class Reader(Protocol):
    """A loaded model with its instruments."""

    def read(self, turns: Sequence[Turn]) -> Reading:
        """Render, tokenise and tie; raises `alignment.DoesNotFit`."""
        ...

    def look(self, reads: Iterable[tuple[int, Reading]]) -> Iterator[tuple[int, Seen]]:
        """What is seen of each; the order may be another."""
        ...


@dataclass(frozen=True)
class _Looking:
    subject: "Subject"
    uses: Sequence["Use"]

    def read(self, turns: Sequence[Turn]) -> Reading:
        return self.subject.read(turns)

    def look(self, reads: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Seen]]:
        from auditor.interp.torchlab import capture
        from auditor.interp.torchlab.subject import Refused

        try:
            yield from capture.run(self.subject, reads, self.uses)
        except Refused as problem:  # an adapter of a probe, which is opened with the first transcript
            raise CannotRead(str(problem)) from problem


_kept: dict[str, "Subject"] = {}  # the model loaded last, by its digest: a device holds one


def load(subject: SubjectModel) -> "Subject":
    """The model, loaded now.

    Raises:
        CannotRead: no torch here, a folder that is not allowed, or a model that cannot be used.
    """
    try:
        from auditor.interp.torchlab import subject as room
    except ModuleNotFoundError as problem:
        raise CannotRead(NO_TORCH) from problem
    hub = subject.source == "hub"
    try:
        spec = room.SubjectSpec(
            reference=subject.reference if hub else _folder(subject.reference),
            revision=subject.revision,
            adapter=subject.adapter if hub or not subject.adapter else _folder(subject.adapter),
            dtype=subject.dtype,
            device=subject.device,
            chat_template=subject.chat_template if subject.template_from in ("", "given") else "",
            may_download=hub and settings.ALLOW_HUB,
        )
        _kept.clear()  # before another is loaded beside it
        return room.load(spec)
    except (room.Refused, OutsideFolders) as problem:
        raise CannotRead(str(problem)) from problem


def _folder(reference: str) -> str:
    return str(folder_of(reference, settings.MODEL_FOLDERS))


def checked(subject: SubjectModel) -> "Subject":
    """A checked model, from memory if it was the last one used.

    Raises:
        CannotRead: as `load`; or its files have changed since.
    """
    if subject.digest in _kept:
        return _kept[subject.digest]
    loaded = load(subject)
    if loaded.facts.digest != subject.digest:
        raise CannotRead(CHANGED)
    _kept[subject.digest] = loaded
    return loaded


@contextmanager
def open_reader(subject: SubjectModel, instruments: Sequence[Instrument]) -> Iterator[Reader]:
    """The model with these instruments, ready to look.

    Raises:
        CannotRead: the model or an instrument cannot be used.
    """
    loaded = checked(subject)
    with ExitStack() as held:
        try:
            uses = [_use(one, loaded, held) for one in instruments]
        except (ValueError, OSError) as problem:
            raise CannotRead(str(problem)) from problem
        yield _Looking(loaded, uses)


def _use(one: Instrument, loaded: "Subject", held: ExitStack) -> "Use":
    from auditor.interp.torchlab import dictionaries, probes

    if one.probe is not None:
        card = Card.from_json(one.probe.card)
        tensors = load_file(held.enter_context(on_disk(one.probe.weights)))
        adapter = held.enter_context(adapter_on_disk(one.probe.adapter)) if one.probe.adapter else None
        head = probes.ProbeHead.of(
            tensors, standardisation=card.standardisation, probability=card.output == "probability"
        )
        return probes.ProbeUse(one.probe.channel.key, head, place_of(card), adapter=adapter)
    assert one.dictionary is not None
    weights: Path = held.enter_context(on_disk(one.dictionary.weights))
    encoder = dictionaries.open_dictionary(
        one.dictionary.configuration,
        weights,
        device="cpu" if loaded.facts.device == "cpu" else "cuda",
        dtype=subject_dtype(loaded),
        scaling=one.dictionary.scaling,
    )
    keys = tuple(feature_key(one.dictionary, index) for index in one.features)
    top = one.top if one.mode == FULL else 0
    return dictionaries.DictionaryUse(
        one.dictionary.slug, encoder, keys=keys, features=tuple(one.features), top=top
    )


def subject_dtype(loaded: "Subject") -> str:
    """The numbers that dictionaries are held in: the model's own, but never half ones on a processor."""
    named = loaded.facts.dtype.removeprefix("torch.")
    return "float32" if named == "float16" and loaded.facts.device == "cpu" else named


def place_of(card: Card) -> Place:
    """The place in the model that a probe reads."""
    return Place(0, "resid_pre") if card.block is None else Place(card.block, card.hook)
