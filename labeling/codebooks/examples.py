"""Examples on their way into a codebook, from a ruling or from the editor."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from labeling.codebooks.node import CodebookError, as_text
from labeling.codebooks.parts import Codebook, Example, Label

LONGEST_CASE = 2_000  # characters; an example is read at a glance
LONGEST_SOURCE = 200


@dataclass(frozen=True)
class Addition:
    """One example for one label."""

    label: str
    case: str
    because: str
    counter: bool = False
    source: str = ""

    @classmethod
    def of(
        cls, *, label: str, case: str, because: str, counter: bool = False, source: str = ""
    ) -> "Addition":
        """A checked addition.

        Raises:
            CodebookError: case or reason is empty, or a text is too long.
        """
        texts = {"case": case.strip(), "because": because.strip(), "source": source.strip()}
        for name, longest in (("case", LONGEST_CASE), ("because", LONGEST_CASE), ("source", LONGEST_SOURCE)):
            as_text(texts[name], name)
            if len(texts[name]) > longest:
                raise CodebookError(f"{name}: at most {longest:,} characters")
            if not texts[name] and name != "source":
                raise CodebookError(f"{name}: missing")
        return cls(label=label, counter=counter, **texts)

    @property
    def example(self) -> Example:
        return Example(self.case, self.because, self.source)

    def plain(self) -> dict[str, Any]:
        """As JSON-clean data that makes it again."""
        return asdict(self)


def add_to(codebook: Codebook, waiting: Iterable[Mapping[str, Any]]) -> tuple[Codebook, list[dict[str, Any]]]:
    """The codebook with the examples whose labels it has, each case once, and the examples that go on waiting."""
    labels = {label.code: label for label in codebook.labels}
    still: list[dict[str, Any]] = []
    for plain in waiting:
        addition = Addition(**plain)
        if addition.label in labels:
            labels[addition.label] = _with(labels[addition.label], addition)
        else:
            still.append(addition.plain())
    return replace(codebook, labels=tuple(labels.values())), still


def has(codebook: Codebook, addition: Addition) -> bool:
    """Whether the label already has an example of this case on this side."""
    label = codebook.by_code.get(addition.label)
    return label is not None and _with(label, addition) == label


def _with(label: Label, addition: Addition) -> Label:
    there = label.counter_examples if addition.counter else label.examples
    if any(example.case == addition.case for example in there):
        return label
    if addition.counter:
        return replace(label, counter_examples=(*there, addition.example))
    return replace(label, examples=(*there, addition.example))
