"""A codebook as a reviewer reads it: every condition put into words beside what it decides."""

from dataclasses import dataclass

from labeling.codebooks.parts import Codebook, Grade, Group, Label, Question, Rule
from labeling.codebooks.wording import in_words

HUES = {"intent": "intent", "hallucination": "halluc", "honest": "honest", "undetermined": "unsure"}


@dataclass(frozen=True)
class Guide:
    """The codebook, ready to print."""

    codebook: Codebook
    questions: tuple[tuple[Question, str], ...]  # with "asked when"
    folded: tuple[Question, ...]
    conditions: tuple[tuple[str, str], ...]  # named conditions in words
    groups: tuple[tuple[Group, str, tuple[Label, ...]], ...]  # with hue, most severe label first
    rules: tuple[tuple[Rule, Label, str, str], ...]  # with label, hue, condition in words
    grades: tuple[tuple[Grade, tuple[tuple[str, str], ...]], ...]  # with needs: (condition, what is missing)


def guide_to(codebook: Codebook) -> Guide:
    """Everything the codebook says, in words."""
    hue_of = {group.key: HUES[group.hue] for group in codebook.groups}
    path = [question for question in codebook.questions if not question.folded]
    return Guide(
        codebook=codebook,
        questions=tuple((question, in_words(codebook, question.ask_when)) for question in path),
        folded=tuple(question for question in codebook.questions if question.folded),
        conditions=tuple(
            (name.replace("_", " "), in_words(codebook, condition)) for name, condition in codebook.conditions
        ),
        groups=tuple(
            (group, hue_of[group.key], tuple(one for one in codebook.labels if one.group == group.key))
            for group in codebook.groups
        ),
        rules=tuple(
            (
                rule,
                codebook.by_code[rule.label],
                hue_of[codebook.by_code[rule.label].group],
                in_words(codebook, rule.when),
            )
            for rule in codebook.rules
        ),
        grades=tuple(
            (grade, tuple((in_words(codebook, need.when), need.otherwise) for need in grade.needs))
            for grade in codebook.grades
        ),
    )
