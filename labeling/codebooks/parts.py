"""The nouns of a codebook, frozen; `definition` reads them from plain data and checks the whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from labeling.codebooks.conditions import ALWAYS, Answers, Condition, Facts

KINDS = ("single", "multiple", "scale", "text", "span")
SEVERAL = ("multiple", "span")  # kinds whose answer is a list of values
HUES = ("intent", "hallucination", "honest", "undetermined")
UNITS = ("transcript", "claim", "action")


@dataclass(frozen=True)
class Example:
    """A case in a few words, and why it is (or is not) this."""

    case: str
    because: str
    source: str = ""  # where it comes from, such as a ruling


@dataclass(frozen=True)
class Code:
    """One possible answer: what is pressed, what is stored, what is read."""

    key: str  # keyboard key
    value: str
    words: str
    definition: str = ""
    rule: str = ""  # how to decide where the definition leaves doubt
    needs_span: str = ""  # kind of span the desk asks for beside this answer, such as "truth"
    missing_test: str = ""  # the test that this answer leaves open, for "not tested" and "cannot tell"
    examples: tuple[Example, ...] = ()
    counter_examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Question:
    """One question; `folded` ones are asked only of those who unfold them.

    Of kind `span` it is answered by marking words: its codes are the labels that a mark may carry.
    """

    key: str
    text: str
    kind: str
    hint: str = ""
    codes: tuple[Code, ...] = ()
    low: int = 1  # of a scale
    high: int = 5
    low_words: str = ""
    high_words: str = ""
    ask_when: Condition = ALWAYS
    folded: bool = False
    required: bool = True
    default: str = ""  # what counts when nobody answered

    def values(self) -> tuple[str, ...] | None:
        """Every possible answer as a word; None for free text."""
        if self.kind == "text":
            return None
        if self.kind == "scale":
            return tuple(str(step) for step in range(self.low, self.high + 1))
        return tuple(code.value for code in self.codes)

    def code(self, value: str) -> Code:
        return next(code for code in self.codes if code.value == value)


@dataclass(frozen=True)
class Group:
    """Labels that share a hue and a heading."""

    key: str
    words: str
    hue: str  # one of HUES


@dataclass(frozen=True)
class Label:
    """What an item can be called; `severity` orders units, the most severe names the transcript."""

    code: str
    words: str
    group: str
    severity: int
    definition: str
    max_grade: str
    rule: str = ""  # how to decide where the definition leaves doubt
    open: bool = False  # undetermined: must name the missing tests
    examples: tuple[Example, ...] = ()
    counter_examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Rule:
    """The label, if the condition holds and no earlier rule did."""

    label: str
    because: str
    when: Condition = ALWAYS


@dataclass(frozen=True)
class Need:
    """One thing a grade requires, and what to do where it is missing."""

    when: Condition
    otherwise: str


@dataclass(frozen=True)
class Grade:
    """One step of the ladder; reaching it takes its own needs and those of every step below."""

    code: str
    words: str
    definition: str
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True)
class MissingTest:
    """A test that would settle an open item, named when its condition holds."""

    key: str
    words: str
    when: Condition = ALWAYS


@dataclass(frozen=True)
class Ruling:
    """How an edge case is decided, so that it is decided alike every time."""

    title: str
    case: str
    label: str
    because: str


@dataclass(frozen=True)
class Codebook:
    """Everything reviewers are asked and everything that follows from their answers."""

    title: str
    description: str
    unit: str
    groups: tuple[Group, ...]
    questions: tuple[Question, ...]
    conditions: tuple[tuple[str, Condition], ...]
    labels: tuple[Label, ...]
    rules: tuple[Rule, ...]
    grades: tuple[Grade, ...]
    missing_tests: tuple[MissingTest, ...] = ()
    rulings: tuple[Ruling, ...] = ()

    @cached_property
    def by_key(self) -> Mapping[str, Question]:
        return {question.key: question for question in self.questions}

    @cached_property
    def by_code(self) -> Mapping[str, Label]:
        return {label.code: label for label in self.labels}

    @cached_property
    def defaults(self) -> Answers:
        return {question.key: question.default for question in self.questions if question.default}

    @cached_property
    def left_open(self) -> Mapping[str, Mapping[str, str]]:
        """Of each question with answers that leave a test open: the test's key by the answer's value."""
        found = {
            one.key: {c.value: c.missing_test for c in one.codes if c.missing_test} for one in self.questions
        }
        return {key: tests for key, tests in found.items() if tests}

    @cached_property
    def ladder(self) -> Mapping[str, int]:
        """Each grade's height, counting from 0."""
        return {grade.code: height for height, grade in enumerate(self.grades)}

    @cached_property
    def open_label(self) -> str:
        return next(label.code for label in self.labels if label.open)

    def facts(self, answers: Answers, evidence: frozenset[str] = frozenset()) -> Facts:
        """The answers with defaults filled in, as conditions look at them."""
        return Facts(given=answers, values={**self.defaults, **answers}, evidence=evidence)
