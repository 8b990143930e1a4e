"""From answers to a label: rules in order, the first that holds names it.

Rules look at answers as given and at defaults for what nobody answered; they do not look at
evidence, which bears on the grade alone (see `grades`).
"""

from dataclasses import dataclass

from labeling.codebooks.conditions import Answers
from labeling.codebooks.parts import Codebook, MissingTest


@dataclass(frozen=True)
class Derived:
    """The label that follows from the answers, why, and which tests would settle what is open."""

    label: str  # a label's code
    max_grade: str  # as far as this label's intent grade can go with all the evidence in the world
    why: str  # the rule that matched, in words
    missing_tests: tuple[MissingTest, ...] = ()


def derive(codebook: Codebook, answers: Answers) -> Derived:
    """The label of these answers; always exactly one, since the last rule has no condition.

    An open label names every missing test whose condition holds. Any label names the tests that
    an explicit "not tested" or "cannot tell" leaves open.
    """
    facts = codebook.facts(answers)
    rule = next(rule for rule in codebook.rules if rule.when.holds(facts))
    label = codebook.by_code[rule.label]
    explicit = left_open(codebook, answers)
    missing = tuple(
        test
        for test in codebook.missing_tests
        if test.key in explicit or (label.open and test.when.holds(facts))
    )
    return Derived(label.code, label.max_grade, rule.because, missing)


def left_open(codebook: Codebook, answers: Answers) -> frozenset[str]:
    """Keys of the tests that the given answers themselves say were not run."""
    open_tests: set[str] = set()
    for key, tests in codebook.left_open.items():
        answer = answers.get(key)
        if isinstance(answer, str):
            if answer in tests:
                open_tests.add(tests[answer])
        elif answer is not None and not isinstance(answer, int):
            open_tests.update(tests[value] for value in answer if value in tests)
    return frozenset(open_tests)
