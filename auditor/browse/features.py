"""What fires on some words: the strongest features that a block kept for its tokens, and its own channels there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.browse.asked import Anchor
from auditor.corpus.models import Transcript
from auditor.evidence.blockformat import BlockValues, Top
from auditor.evidence.layers import Blocks
from auditor.evidence.models import Block, Channel
from auditor.interp.models import Dictionary, Feature

MOST = 12  # of one dictionary, shown


@dataclass(frozen=True)
class Fired:
    """One feature on the words: how strong at most, and on how many of their tokens."""

    index: int
    value: float
    n_tokens: int
    feature: Feature | None  # where the project knows more of it than its number
    channel: Channel | None = None

    @property
    def explanations(self) -> list[str]:
        """What it is believed to stand for, the first two."""
        known = self.feature.explanations.all() if self.feature is not None else []
        return [one.text for one in known][:2]


@dataclass(frozen=True)
class Fires:
    """The strongest features of one dictionary on the words."""

    slug: str
    dictionary: Dictionary | None
    kept: int  # features that were kept for each token
    rows: list[Fired]


@dataclass(frozen=True)
class Firing:
    """What fires on some words, by dictionary; `n_tokens` is 0 where no block has a token on them."""

    n_tokens: int
    fires: list[Fires]
    channels: list[tuple[Channel, float]]  # the block's own, with their highest value there
    damaged: int = 0


def firing(transcript: Transcript, place: Anchor, blocks: Blocks) -> Firing:
    """What the newest block of each dictionary, and of each channel, says of the words at a place."""
    n_tokens, damaged = 0, 0
    fires: dict[str, Fires] = {}
    said: dict[int, float] = {}
    known = _dictionaries(transcript.project_id, blocks.rows)
    for row in blocks.rows:
        values = blocks.values(row)
        if values is None:
            damaged += 1
            continue
        tokens = _on(values, place)
        n_tokens = max(n_tokens, len(tokens))
        if not len(tokens):
            continue
        for slug, top in values.tops.items():
            if slug not in fires:
                fires[slug] = _fires(slug, known.get(slug), top, tokens)
        highest = values.values[:, tokens].max(axis=1)
        for pk, value in zip(row.channels, highest.tolist(), strict=True):
            said.setdefault(pk, value)
    channels = Channel.objects.in_bulk(said)
    strongest = sorted(said.items(), key=lambda one: (-one[1], one[0]))[:MOST]
    return Firing(
        n_tokens, [fires[slug] for slug in sorted(fires)],
        [(channels[pk], value) for pk, value in strongest if pk in channels and value > 0], damaged,
    )  # fmt: skip


def _on(values: BlockValues, place: Anchor) -> npt.NDArray[np.int64]:
    """Which tokens have words at the place."""
    tokens = values.tokens
    if place.part not in values.parts:
        return np.empty(0, np.int64)
    found: npt.NDArray[np.int64] = np.flatnonzero(
        (tokens.position == place.position)
        & (tokens.part == values.parts.index(place.part))
        & (tokens.start < place.end)
        & (tokens.end > place.start)
    )
    return found


def _fires(slug: str, dictionary: Dictionary | None, top: Top, tokens: npt.NDArray[np.int64]) -> Fires:
    index, value = top.index[tokens].ravel(), top.value[tokens].ravel()
    active = value > 0
    indices, which = np.unique(index[active], return_inverse=True)
    highest = np.zeros(len(indices), np.float32)
    np.maximum.at(highest, which, value[active])
    counts = np.bincount(which, minlength=len(indices))
    order = np.argsort(-highest, kind="stable")[:MOST]
    features = _features(dictionary, indices[order].tolist())
    rows = [
        Fired(
            int(indices[i]), float(highest[i]), int(counts[i]), known := features.get(int(indices[i])),
            known.channel if known is not None else None,
        )
        for i in order
    ]  # fmt: skip
    return Fires(slug, dictionary, top.index.shape[1], rows)


def _dictionaries(project_id: int, rows: Iterable[Block]) -> Mapping[str, Dictionary]:
    slugs = {slug for row in rows for slug in row.dictionaries}
    found = Dictionary.objects.filter(project_id=project_id, slug__in=slugs).defer("configuration")
    return {one.slug: one for one in found}


def _features(dictionary: Dictionary | None, indices: list[int]) -> dict[int, Feature]:
    if dictionary is None:
        return {}
    rows = Feature.objects.filter(dictionary=dictionary, index__in=indices).select_related("channel")
    return {one.index: one for one in rows.prefetch_related("explanations")}
