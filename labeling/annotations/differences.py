"""What two forms about the same item say differently, in words: for a page that is older than what stands."""

from labeling.annotations.content import Content, Unit
from labeling.annotations.rail import answers_of, build
from labeling.annotations.units import named
from labeling.codebooks.parts import Codebook
from labeling.codebooks.path import values_of

MOST = 8  # differences that are named


def differences(codebook: Codebook, there: Content, here: Content) -> list[str]:
    """One line for each thing on which they differ, labels first; empty for forms that say the same."""
    labels = [build(codebook, one, ()).speaks.words for one in (there, here)]
    found = [f"“{labels[0]}” there, “{labels[1]}” here"] if labels[0] != labels[1] else []
    if len(there.units) != len(here.units):
        found.append(f"{len(there.units)} {codebook.unit}s there, {len(here.units)} here")
    for number, (a, b) in enumerate(zip(there.units, here.units, strict=False)):
        before = f"{named(codebook, number)}, " if len(there.units) > 1 else ""
        found += [before + line for line in _of_units(codebook, a, b)]
    if there.confidence != here.confidence:
        found.append(
            f"confidence {there.confidence or 'not said'} there, {here.confidence or 'not said'} here"
        )
    found += [
        f"another {name}"
        for name, a, b in (("rationale", there.rationale, here.rationale), ("flag", there.flag, here.flag))
        if a.strip() != b.strip()
    ]
    if {one.reading for one in there.relied_on} != {one.reading for one in here.relied_on}:
        found.append("other evidence relied on")
    return found[:MOST]


def _of_units(codebook: Codebook, there: Unit, here: Unit) -> list[str]:
    a, b = answers_of(codebook, there), answers_of(codebook, here)
    found = []
    for question in codebook.questions:
        said = [_words(codebook, question.key, answers.get(question.key)) for answers in (a, b)]
        if said[0] != said[1]:
            found.append(f"{question.key}: {said[0]} there, {said[1]} here")
    if set(there.spans) != set(here.spans):
        found.append(f"{len(there.spans)} marks there, {len(here.spans)} here")
    if (there.grade, there.label, there.lowered_reason) != (here.grade, here.label, here.lowered_reason):
        found.append("lowered differently")
    return found


def _words(codebook: Codebook, key: str, answer: object) -> str:
    if answer is None:
        return "not answered"
    known = {code.value: code.words for code in codebook.by_key[key].codes}
    return ", ".join(known.get(value, value) for value in values_of(answer))  # type: ignore[arg-type]
