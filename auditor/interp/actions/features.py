"""What is known of a dictionary's features: explanations, densities, and which of them are pinned."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, TypeVar

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import User
from auditor.interp.actions.naming import CannotDo
from auditor.interp.channels import declare_beside, declare_feature
from auditor.interp.explanations import BadLine, Explained, FeatureLine, parse
from auditor.interp.models import Dictionary, Explanation, Feature
from auditor.ledger.actions import record

Row = TypeVar("Row")
AT_ONCE = 1000  # lines a transaction
MOST_REJECTS = 50  # that are named
MOST_PINNED = 512  # of one dictionary
BY_HAND = "a person"


@dataclass
class Brought:
    """What came of a file of explanations."""

    features: int = 0  # that it says something of
    explanations: int = 0  # that are new
    densities: int = 0
    rejected: int = 0
    rejects: list[str] = field(default_factory=list)  # the first, each with file, place and reason

    def in_words(self) -> str:
        """For people."""
        said = f"{self.explanations:,} new explanations and {self.densities:,} densities of {self.features:,} features"
        return f"{said}; {self.rejected:,} lines rejected" if self.rejected else said


def import_explanations(
    *,
    dictionary: Dictionary,
    stream: BinaryIO,
    file_name: str,
    actor: User,
    source: str = "",
    context_tokens: int | None = None,
    n_examples: int | None = None,
    layer: str = "",
    beat: Callable[[int], None] = lambda lines: None,
) -> Brought:
    """Take in what a file says of the dictionary's features, a thousand lines a transaction; safe to repeat.

    Args:
        source: where it comes from; the file's name unless given.
        context_tokens, n_examples: what each explanation was made from, where the file does not say.
        layer: only lines of this layer, as "12-res-jb"; empty: a file that names several is refused line by line
            unless its first is the dictionary's.
        beat: called with the lines so far.
    """
    said = Brought()
    wanted = layer or dictionary.neuronpedia_id.rpartition("/")[2]
    lines = 0
    for chunk in _chunks(parse(stream, name=file_name), AT_ONCE):
        lines += len(chunk)
        good: list[FeatureLine] = []
        for one in chunk:
            if isinstance(one, FeatureLine) and one.layer and not wanted:
                wanted = one.layer
            if (why := _problem_with(one, dictionary, wanted)) is not None:
                said.rejected += 1
                if len(said.rejects) < MOST_REJECTS:
                    said.rejects.append(f"{file_name}, {one.place}: {why}")
            elif isinstance(one, FeatureLine):
                good.append(one)
        with transaction.atomic():
            _write(dictionary, good, said, (source or file_name)[:200], context_tokens, n_examples)
        beat(lines)
    with transaction.atomic():
        record(
            verb="dictionary.explained", subject=dictionary, actor=actor, project_id=dictionary.project_id,
            file=file_name[:200], features=said.features, explanations=said.explanations, rejected=said.rejected,
        )  # fmt: skip
    return said


def _problem_with(one: FeatureLine | BadLine, dictionary: Dictionary, layer: str) -> str | None:
    if isinstance(one, BadLine):
        return one.reason
    if one.index >= dictionary.d_sae:
        return f"there is no feature {one.index:,}: the dictionary has {dictionary.d_sae:,}, from 0"
    if layer and one.layer and one.layer != layer:
        return f"it is about {one.layer}, not about {layer}"
    return None


def _write(
    dictionary: Dictionary,
    lines: Sequence[FeatureLine],
    said: Brought,
    source: str,
    context_tokens: int | None,
    n_examples: int | None,
) -> None:
    by_index = {one.index: one for one in lines}
    if not by_index:
        return
    features = _features(dictionary, by_index)
    dense = [(features[one.index], one.density) for one in lines if one.density is not None]
    for feature, density in dense:
        feature.density, feature.density_from = density, source
    Feature.objects.bulk_update([feature for feature, _ in dense], ["density", "density_from"])
    new = [
        _explanation(features[one.index], explained, source, context_tokens, n_examples)
        for one in lines
        for explained in one.explanations
    ]
    before = Explanation.objects.filter(feature__in=features.values()).count()
    Explanation.objects.bulk_create(new, ignore_conflicts=True, batch_size=2000)
    said.explanations += Explanation.objects.filter(feature__in=features.values()).count() - before
    said.densities += len(dense)
    said.features += len(by_index)


def _explanation(
    feature: Feature, one: Explained, source: str, context_tokens: int | None, n_examples: int | None
) -> Explanation:
    return Explanation(
        feature=feature, text=one.text, source=source, explainer=one.explainer[:200],
        context_tokens=one.context_tokens or context_tokens, n_examples=one.n_examples or n_examples, score=one.score,
        score_kind=one.score_kind[:60],
    )  # fmt: skip


def _features(dictionary: Dictionary, indices: Iterable[int]) -> dict[int, Feature]:
    wanted = sorted(set(indices))
    Feature.objects.bulk_create(
        [Feature(dictionary=dictionary, index=index) for index in wanted],
        ignore_conflicts=True,
        batch_size=2000,
    )
    return {
        row.index: row
        for row in Feature.objects.select_for_update()
        .filter(dictionary=dictionary, index__in=wanted)
        .order_by("index")
    }


def _chunks(some: Iterator[Row], n: int) -> Iterator[list[Row]]:
    while chunk := list(islice(some, n)):
        yield chunk


def explain(*, feature: Feature, text: str, actor: User) -> Explanation:
    """A person's own words for a feature.

    Raises:
        CannotDo: nothing said, or the same again.
    """
    words = text.replace("\0", "").strip()
    if not 0 < len(words) <= 2000:
        raise CannotDo("Say in at most 2,000 characters what the feature seems to stand for.", field="text")
    with transaction.atomic():
        made, new = Explanation.objects.get_or_create(
            feature=feature, text=words, source=BY_HAND, explainer=str(actor)[:200]
        )
        if not new:
            raise CannotDo("You have said that already.", field="text")
        record(
            verb="feature.explained", subject=feature, actor=actor, project_id=feature.dictionary.project_id,
            dictionary=feature.dictionary.slug, index=feature.index,
        )  # fmt: skip
    return made


def pin_features(*, dictionary: Dictionary, indices: Sequence[int], actor: User) -> int:
    """Give features a channel each, so that captures watch them; those that have one keep it.

    Returns:
        How many are new.

    Raises:
        CannotDo: a number that the dictionary does not have, or more than 512 in all.
    """
    wanted = sorted(set(indices))
    if not wanted:
        raise CannotDo("Name at least one feature.", field="features")
    if (beyond := [index for index in wanted if not 0 <= index < dictionary.d_sae]) != []:
        raise CannotDo(
            f"There is no feature {beyond[0]:,}: the dictionary has {dictionary.d_sae:,}, from 0.",
            field="features",
        )
    with transaction.atomic():
        Dictionary.objects.select_for_update().get(pk=dictionary.pk)
        features = _features(dictionary, wanted)
        fresh = [row for row in features.values() if row.channel_id is None]
        standing = Feature.objects.filter(dictionary=dictionary, channel__isnull=False).count()
        if standing + len(fresh) > MOST_PINNED:
            raise CannotDo(
                f"At most {MOST_PINNED} features of a dictionary are pinned; {standing:,} are.",
                field="features",
            )
        for row in fresh:
            row.channel = declare_feature(dictionary, row.index, actor=actor)
            declare_beside(row.channel, "mean", actor=actor)
        Feature.objects.bulk_update(fresh, ["channel"])
        if fresh:
            record(
                verb="dictionary.pinned", subject=dictionary, actor=actor, project_id=dictionary.project_id,
                features=[row.index for row in fresh][:100], count=len(fresh),
            )  # fmt: skip
    return len(fresh)


def note_densities(*, dictionary: Dictionary, active: dict[int, int], tokens: int, capture: int) -> None:
    """Keep on how many of a capture's counted tokens features were active, where no file says it of more."""
    if tokens <= 0 or not active:
        return
    ours = "capture "
    with transaction.atomic():
        features = _features(dictionary, active)
        changed = [
            row for row in features.values() if not row.density_from or row.density_from.startswith(ours)
        ]
        for row in changed:
            row.density = active[row.index] / tokens
            row.density_from = f"{ours}{capture}: {tokens:,} tokens, {timezone.now():%Y-%m-%d}"
        Feature.objects.bulk_update(changed, ["density", "density_from"])
