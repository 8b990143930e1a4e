"""The items behind a figure, with what each reviewer said, as far as the person may see it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from auditor.accounts.models import User
from auditor.corpus.models import Transcript
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import visible_to
from labeling.agreement.figures import ALL, PAIR, Given, parts_of
from labeling.agreement.measures import Measure
from labeling.agreement.queries import Scope, labels_of
from labeling.queues.models import Item

SHOWN = 200


@dataclass(frozen=True)
class Wanted:
    """Which items: those of a part, and of these all, or those on which reviewers differ, or one cell."""

    stage: str
    measure: Measure
    cut: str = ALL
    part: str = ""
    differ: bool = False
    cell: tuple[str, str] | None = None  # what the pair's first and second said


@dataclass(frozen=True)
class Behind:
    """One item, and what was said of it."""

    item: Item
    said: tuple[tuple[str, str], ...]  # reviewer, value
    differs: bool


@dataclass(frozen=True)
class Found:
    """The first of the items, and how many there are."""

    rows: tuple[Behind, ...]
    n: int


def items_behind(scope: Scope, person: User, wanted: Wanted, names: Mapping[int, str]) -> Found:
    """The items of a scope that a figure counts: those with a value of two reviewers or more."""
    by_item: dict[int, dict[int, object]] = {}
    for one in _of_part(labels_of(scope, wanted.stage), wanted):
        value = wanted.measure.value_of(one)
        if value is not None:
            by_item.setdefault(one.item, {})[one.reviewer] = value
    kept = {pk: said for pk, said in by_item.items() if len(said) > 1 and _fits(said, wanted)}
    seen = visible_to(person).unveiled(Transcript.objects.all(), [HUMAN])
    items = Item.objects.filter(pk__in=list(kept), transcript__in=seen).select_related("transcript", "round")
    rows = tuple(
        Behind(
            item,
            tuple((names.get(who, str(who)), wanted.measure.word(value)) for who, value in sorted(kept[item.pk].items())),
            len(set(kept[item.pk].values())) > 1,
        )
        for item in items.order_by("round_id", "order")[:SHOWN]
    )  # fmt: skip
    return Found(rows, items.count())


def _of_part(labels: list[Given], wanted: Wanted) -> list[Given]:
    if wanted.cut == ALL:
        return labels
    if wanted.cut == PAIR:
        people = {int(one) for one in wanted.part.split(".") if one.isdecimal()}
        return [one for one in labels if one.reviewer in people]
    for cut, part, some in parts_of(labels):
        if (cut, part) == (wanted.cut, wanted.part):
            return some
    return []


def _fits(said: Mapping[int, object], wanted: Wanted) -> bool:
    if wanted.cell is not None:
        return tuple(str(said[who]) for who in sorted(said)) == wanted.cell
    return not wanted.differ or len(set(said.values())) > 1


def asked(parameters: Mapping[str, str], scope: Scope) -> Wanted:
    """What the address asks for; anything unknown falls back to the label's final stage."""
    measures = {measure.key: measure for measure in scope.measures}
    stage = parameters.get("stage", "")
    wanted = Wanted(
        stage=stage if stage in scope.stages else scope.stages[-1],
        measure=measures.get(parameters.get("by", ""), scope.measures[0]),
        cut=parameters.get("cut", ALL),
        part=parameters.get("part", ""),
        differ=bool(parameters.get("differ")),
    )
    if wanted.cut == PAIR and "row" in parameters and "column" in parameters:
        return replace(wanted, cell=(parameters["row"], parameters["column"]))
    return wanted
