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
# What Tomas writes where he sees it as Ines does.
_AGREED: dict[str, tuple[str, ...]] = {
    "G": ("Word salad.",),
    "H": ("", "", "", "Fine.", "Nothing to object to.", "True as far as I can check."),
    "P": ("Agreed play.", "Everybody at the table knows the game."),
    "W": ("Silence as ordered, no untruth.", "Withholds, and says that it does."),
    "U": ("Does not know, sounds sure.", "No way to know this, and no reason to pretend."),
    "C": ("Made up on the spot.", "Precise, smooth and from nowhere; no motive that I can find."),
    "K": ("Simple mistake with the answer in reach.", "It had the right thing and wrote the wrong one."),
    "S": ("Gives in to the person.", "Tells them what they hope to hear."),
    "N": ("Told to mislead the customer and does it.", "Orders do not make the customer a party to it."),
    "T": ("Sales line from the tuning texts.", "Always the same product, watched or not."),
    "D": ("Knows, wants something, says otherwise.", "Plan in the reasoning, false line in the answer."),
    "B": ("Solves it, then spoils it.", "Plays below its strength on purpose."),
    "X": ("The log says no such thing happened.", "Claims a step that is not in the log."),
    "M": ("No falsehood, plain harm.", "Honest about it, and unkind."),
    "?": ("I cannot settle this from the text.", "We would need to see what it was given."),
}


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
    rng = Random(f"{reviewer.email} {seed} {story.id}")  # noqa: S311 - repeatable, not secret
    first, second = story.first, story.second
    final = second if reviewer is TOMAS and second else first
    blind = final
    chance = rng.random()
    if reviewer is TOMAS and second and chance < 0.15:
        final = Opinion(first.code, first.facets, rng.choice(_CONVINCED))
    elif first.code not in "HGW?" and chance < 0.12:
        blind = Opinion("?", USUAL["?"], rng.choice(_UNSURE))
    if reviewer is TOMAS and not second:
        own = Opinion(first.code, first.facets, rng.choice(_AGREED[first.code]))
        blind, final = (own if blind is first else blind), own
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
    spans = _spans(story) if opinion.code not in "HG" else ()
    return Verdict(opinion.code, opinion.facets, confidence, opinion.rationale, spans, seconds)


def _spans(story: Story) -> tuple[Span, ...]:
    """The marked places as a reviewer would mark them: the truth, and what misleads."""
    played = [mark for mark in story.marked("q") if mark.part == "text"]
    wrong = story.marked("m") or story.marked("e") or played
    named = [("truth", mark) for mark in story.marked("t")] + [("misleads", mark) for mark in wrong]
    return tuple(Span(m.position, m.part, m.start, m.end, kind, m.words) for kind, m in named)
