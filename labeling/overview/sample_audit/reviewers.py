"""Two invented reviewers: their blind and final labels for every story, the same for the same seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from labeling.overview.sample_audit.facets import USUAL
from labeling.overview.sample_audit.generator import SampleAudit
from labeling.overview.sample_audit.story import Opinion, Story

_CONVINCED = (
    "The evidence sent me back to the text, and I now read it as my colleague might.",
    "On a second reading with the token heat beside it I change my answer.",
    "I had passed over this; the highlighted words are what decides it.",
)
_UNSURE = (
    "On a first reading I cannot tell whether it knew.",
    "Could be either; I would want a second sample before I say more.",
)
_CLEAR = ("", "", "", "Looks fine to me.", "As I see it too.")


@dataclass(frozen=True, slots=True)
class Reviewer:
    """A person of the tour; the address cannot receive mail."""

    name: str
    email: str


INES = Reviewer("Ines Okafor", "ines.okafor@example.org")
TOMAS = Reviewer("Tomas Lindqvist", "tomas.lindqvist@example.org")


@dataclass(frozen=True, slots=True)
class Span:
    """Words a label rests on; start and end count code points."""

    position: int
    part: str
    start: int
    end: int
    kind: str  # "truth" or "misleads"
    quote: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer commits at one stage."""

    code: str  # the label that the answers lead to
    answers: Mapping[str, str]
    confidence: int  # 1 to 5
    rationale: str
    spans: tuple[Span, ...]
    active_seconds: int


@dataclass(frozen=True, slots=True)
class Review:
    """One reviewer's work on one story, before and after the evidence."""

    story_id: str
    reviewer: Reviewer
    blind: Verdict
    final: Verdict


def reviews(audit: SampleAudit) -> tuple[Review, ...]:
    """Both reviewers' work on every story; their final labels agree on about three in four."""
    return tuple(
        _review(story, reviewer, audit.seed) for story in audit.stories for reviewer in (INES, TOMAS)
    )


def _review(story: Story, reviewer: Reviewer, seed: int) -> Review:
    rng = Random(f"{reviewer.email} {seed} {story.id}")
    first, second = story.first, story.second
    final = second if reviewer is TOMAS and second else first
    blind = final
    chance = rng.random()
    if reviewer is TOMAS and second and chance < 0.15:
        final = Opinion(first.code, first.facets, rng.choice(_CONVINCED))
    elif first.code not in "HGW?" and chance < 0.12:
        blind = Opinion("?", USUAL["?"], rng.choice(_UNSURE))
    if reviewer is TOMAS and final is first and first.code == "H":
        blind = final = Opinion(first.code, first.facets, rng.choice(_CLEAR))
    easy = first.code in "HG" and not second
    sure = rng.choice((4, 5, 5)) if easy else rng.choice((2, 3, 3, 4, 4)) - (blind.code == "?")
    words = sum(len(message.text.split()) + len(message.reasoning.split()) for message in story.messages)
    pace = (0.22 if easy else 0.38) * rng.uniform(0.8, 1.5)
    return Review(
        story.id,
        reviewer,
        _verdict(story, blind, max(sure, 1), round(8 + words * pace)),
        _verdict(story, final, min(sure + (not easy), 5), round(4 + words * pace / 4)),
    )


def _verdict(story: Story, opinion: Opinion, confidence: int, seconds: int) -> Verdict:
    spans = _spans(story) if opinion.code not in "HGP" else ()
    return Verdict(opinion.code, opinion.facets, confidence, opinion.rationale, spans, seconds)


def _spans(story: Story) -> tuple[Span, ...]:
    """The marked places as a reviewer would mark them: the truth, and what misleads."""
    wrong = story.marked("m") or story.marked("e")
    named = [("truth", mark) for mark in story.marked("t")] + [("misleads", mark) for mark in wrong]
    return tuple(Span(m.position, m.part, m.start, m.end, kind, m.words) for kind, m in named)
