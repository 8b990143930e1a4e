"""A report as its pages show it: rows of the overview, and one channel's figures, thresholds and pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.evidence.kinds import kind_of
from auditor.evidence.models import Channel
from labeling.validity import plots
from labeling.validity.models import ValidityReport
from labeling.validity.plots import Strip
from labeling.validity.report import MANY, RESTRICTED

SORTS = ("area", "name", "n", "ratio")
GIVEN_WORDS = {
    "given": "came with the channel",
    "control": "chosen on a control set",
    "split": "chosen on half of the units",
    "held out": "chosen without it",
}


@dataclass(frozen=True)
class Asked:
    """A question as the page names it."""

    key: str
    words: str
    n_positive: int
    n_negative: int
    restricted: str  # key of the same question of false statements alone, if there is one


@dataclass(frozen=True)
class Row:
    """A channel in the overview."""

    channel: Channel
    hue: str
    line: Mapping[str, Any]
    restricted: Mapping[str, Any] | None
    drawn: Strip
    drawn_restricted: Strip

    @property
    def written(self) -> str:
        return plots.written(self.line["auroc"])

    @property
    def restricted_written(self) -> str:
        return plots.written(self.restricted["auroc"]) if self.restricted else ""

    @property
    def ratio(self) -> Mapping[str, Any] | None:
        """The likelihood ratio at the threshold that stands for the channel, where it tells anything."""
        at = self.line["at"]
        return at["found"]["lr_plus"] if at and at["found"] else None

    @property
    def n(self) -> int:
        return int(self.line["auroc"]["n_positive"] + self.line["auroc"]["n_negative"])

    @property
    def falls(self) -> bool:
        """Whether on one model or condition it does surely worse than over all."""
        worst, whole = self.line["worst"], self.line["auroc"]
        return bool(
            worst
            and worst["high"] is not None
            and whole["value"] is not None
            and worst["high"] < whole["value"]
        )


def questions(row: ValidityReport) -> list[Asked]:
    """The questions of a report, each with its restriction."""
    found = row.figures["questions"]
    keys = {key for key, *_ in found}
    return [
        Asked(key, words, yes, no, key + RESTRICTED if key + RESTRICTED in keys else "")
        for key, words, _, yes, no in found
        if not key.endswith(RESTRICTED)
    ]


def rows_of(
    row: ValidityReport, asked: Asked, channels: Mapping[int, Channel], *, kind: str = "", sort: str = ""
) -> list[Row]:
    """The channels on a question, the best first unless another order is asked for."""
    lines = {(one["channel"], one["question"]): one for one in row.figures["lines"]}
    found = []
    for (pk, question), line in lines.items():
        channel = channels.get(pk)
        if question != asked.key or channel is None or kind not in ("", channel.kind):
            continue
        restricted = lines.get((pk, asked.restricted)) if asked.restricted else None
        found.append(
            Row(
                channel, kind_of(channel.kind).hue, line, restricted, plots.strip(line["auroc"]),
                plots.strip(restricted["auroc"] if restricted else None),
            )
        )  # fmt: skip
    if sort == "name":
        return sorted(found, key=lambda one: (one.channel.name.casefold(), one.channel.pk))
    if sort == "n":
        return sorted(found, key=lambda one: (-one.n, one.channel.name))
    if sort == "ratio":
        return sorted(found, key=lambda one: -(_tells(one.ratio) or 0.0))
    return sorted(found, key=lambda one: (-(one.line["auroc"]["value"] or -1.0), one.channel.name))


def scanned(row: ValidityReport, asked: Asked) -> int:
    """How many features the q values of a question are corrected over."""
    return int(row.figures["scanned"].get(asked.key, 0))


def kinds_of(channels: Mapping[int, Channel]) -> list[tuple[str, str, int]]:
    """Kinds that occur, with how many channels each has."""
    counts: dict[str, int] = {}
    for one in channels.values():
        counts[one.kind] = counts.get(one.kind, 0) + 1
    return [(key, kind_of(key).name, n) for key, n in sorted(counts.items())]


def main_figures(detail: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The figures over all units."""
    return [one for one in detail["figures"] if one["cut"] == "all"]


def parts(detail: Mapping[str, Any], hue: str) -> list[tuple[str, plots.Forest, list[Mapping[str, Any]]]]:
    """The area by stratum, model and condition: title, drawing, figures."""
    found = []
    for cut, title in (
        ("model", "By model"),
        ("condition", "By condition"),
        ("stratum", "By stratum of the sample"),
    ):
        some = [one for one in detail["figures"] if one["cut"] == cut]
        if some:
            drawing = plots.forest([(one["part"], hue, one) for one in some], "")
            found.append((title, drawing, some))
    return found


def thresholds(detail: Mapping[str, Any], *, held_out: bool) -> list[dict[str, Any]]:
    """Thresholds with where they come from, in words, and the letter by which the curve names them."""
    letters = {id(found): letter for letter, found in marks(detail)}
    return [
        {
            **one,
            "origin": GIVEN_WORDS.get(one["kind"], one["kind"]),
            "letter": letters.get(id(one["found"]), ""),
        }
        for one in detail["thresholds"]
        if (one["kind"] == "held out") is held_out
    ]


def marks(detail: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Thresholds that are drawn on the curve, lettered."""
    some = [one for one in detail["thresholds"] if one["found"] is not None and one["kind"] != "held out"]
    return [(chr(ord("a") + at), one["found"]) for at, one in enumerate(some[:12])]


def pairs_of(
    row: ValidityReport, question: str, pk: int, channels: Mapping[int, Channel]
) -> list[dict[str, Any]]:
    """The channel against each other one on a question, with what each adds to the other."""
    some = [one for one in row.figures["pairs"] if one["question"] == question]
    back = {(one["a"], one["b"]): one for one in some}
    return [
        {"other": channels[one["b"]], "pair": one, "back": back.get((one["b"], pk))}
        for one in some
        if one["a"] == pk and one["b"] in channels
    ]


def is_feature(channel: Channel) -> bool:
    """Whether its name is a guess about a feature."""
    return channel.kind == MANY


def _tells(ratio: Mapping[str, Any] | None) -> float | None:
    return ratio["value"] if ratio and not ratio["reason"] else None


def channel_ids(row: ValidityReport) -> Sequence[int]:
    """The channels that the report lists."""
    return sorted({one["channel"] for one in row.figures["lines"]})
