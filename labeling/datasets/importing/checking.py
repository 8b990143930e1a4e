"""A release read once from end to end before anything is written: every record's shape, references and bounds."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labeling.adjudication.bulkrules import BULK
from labeling.adjudication.models import ADJUDICATOR, BY_RULE
from labeling.codebooks.definition import digest as digest_of_codebook
from labeling.codebooks.definition import dump
from labeling.codebooks.written import read_text
from labeling.datasets.importing.attachments import included
from labeling.datasets.importing.opening import CannotOpen, Opened
from labeling.datasets.importing.shape import BadRecord, LabelIn, RecordIn, RulingIn, read_record
from labeling.datasets.importing.tracks import tracks_of
from labeling.datasets.verifying import MANIFEST, RECORDS
from labeling.queues.models import POLICIES

RULES = (*BY_RULE, *BULK, ADJUDICATOR)
MOST = 5_000_000  # records


@dataclass(frozen=True)
class Version:
    """A codebook's version as the release defines it."""

    number: int
    digest: str
    title: str
    definition: dict[str, Any]
    codes: frozenset[str]


@dataclass
class Checked:
    """What a release holds, known before the first row is written."""

    records: int = 0
    depth: dict[str, int] = field(
        default_factory=dict
    )  # identity -> how many of its ancestors are in the release
    people: set[str] = field(default_factory=set)
    rounds: dict[str, dict[str, Any]] = field(default_factory=dict)  # name -> as the manifest has it
    versions: dict[str, Version] = field(default_factory=dict)  # digest -> version
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)  # key -> as declared
    labels: int = 0
    rulings: int = 0
    readings: int = 0
    tracks: int = 0
    attachments: dict[str, str] = field(default_factory=dict)  # sha256 -> media type
    whole: bool = True  # every text is there as it was, so that fingerprints must hold


def records_of(release: Opened) -> Iterator[tuple[int, RecordIn]]:
    """The records with their line numbers.

    Raises:
        CannotOpen: a line is no record; with file, line and reason.
    """
    for number, line in release.lines():
        try:
            yield number, read_record(line)
        except BadRecord as problem:
            raise CannotOpen(f"{RECORDS}, line {number}: {problem}") from None


def check(release: Opened, *, beat: Callable[[int], None] = lambda done: None) -> Checked:
    """Everything that an import relies on, or the first thing that is wrong.

    Raises:
        CannotOpen: with file, line and reason.
    """
    manifest = release.manifest
    found = Checked(whole=_whole(manifest["parameters"]), attachments=included(release))
    _codebooks(release, found)
    for one in manifest["rounds"]:
        found.rounds[str(one.get("name"))] = one
    for one in (*manifest["tracks"], *manifest["channels"]):
        found.channels[str(one.get("key"))] = one
    parents: dict[str, str] = {}
    orders: Counter[tuple[str, int]] = Counter()
    for number, record in records_of(release):
        try:
            key = _record(record, found, orders)
            if key in found.depth:
                raise BadRecord(f"transcript {key} comes twice")
        except BadRecord as problem:
            raise CannotOpen(f"{RECORDS}, line {number}: {problem}") from None
        found.depth[key] = 0
        if parent := record["transcript"]["parent"]:
            parents[key] = f"{parent['record_digest']}:{parent['ordinal']}"
        found.records += 1
        if found.records > MOST:
            raise CannotOpen(f"{RECORDS}: more than {MOST:,} records")
        beat(found.records)
    if found.records != (manifest.get("counts") or {}).get("included"):
        raise CannotOpen(f"{RECORDS} has {found.records:,} records, and {MANIFEST} says otherwise")
    _depths(found, parents)
    tracked = {str(one.get("key")) for one in manifest["tracks"]}
    for _ in tracks_of(release, known=found.depth, channels=tracked):
        found.tracks += 1
        beat(found.records)
    return found


def identity_of(record: RecordIn) -> str:
    """The transcript for ever."""
    transcript = record["transcript"]
    return f"{transcript['record_digest']}:{transcript['ordinal']}"


def moment_of(said: str | None) -> datetime | None:
    """A moment with its offset; None where the release does not say it.

    Raises:
        BadRecord: it is none.
    """
    if said is None:
        return None
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise BadRecord(f"at: {said[:40]!r} is no moment") from None
    if moment.tzinfo is None:
        raise BadRecord(f"at: {said[:40]!r} does not say its time zone")
    return moment


def _whole(parameters: dict[str, Any]) -> bool:
    if not parameters.get("messages", True):
        raise CannotOpen(f"{MANIFEST}: the release holds no messages, so there are no transcripts to import")
    return all(parameters.get(name, True) for name in ("reasoning", "tools")) and not parameters.get(
        "redactions"
    )


def _codebooks(release: Opened, found: Checked) -> None:
    for one in release.manifest["codebooks"]:
        name, number, digest = str(one.get("file")), one.get("number"), str(one.get("digest"))
        read = read_text(release.text(name))
        if read.codebook is None:
            raise CannotOpen(f"{name}: {read.problem.words if read.problem else 'no codebook'}")
        if digest_of_codebook(read.codebook) != digest:
            raise CannotOpen(f"{name}: what it defines has another digest than {MANIFEST} says")
        if not isinstance(number, int) or not 1 <= number < 2**31:
            raise CannotOpen(f"{MANIFEST}: the version of {name} has no number")
        codes = frozenset(read.codebook.by_code)
        found.versions[digest] = Version(number, digest, read.codebook.title, dump(read.codebook), codes)


def _record(record: RecordIn, found: Checked, orders: Counter[tuple[str, int]]) -> str:
    transcript, round, sampling = record["transcript"], record["round"], record["sampling"]
    if round["name"] not in found.rounds or round["policy"] not in POLICIES:
        raise BadRecord("round: a round or policy that the manifest does not have")
    if round["codebook_digest"] not in found.versions:
        raise BadRecord("round.codebook_digest: no codebook of the release")
    orders[round["name"], sampling["order"]] += 1
    if orders[round["name"], sampling["order"]] > 1:
        raise BadRecord(f"sampling.order: {sampling['order']} comes twice in {round['name']}")
    _messages(record)
    known = _labels(record["labels"], found)
    numbers = set()
    for ruling in (*record["earlier_rulings"], *([record["ruling"]] if record["ruling"] else [])):
        _ruling(ruling, known, found)
        if ruling["number"] in numbers:
            raise BadRecord(f"ruling.number: {ruling['number']} comes twice")
        numbers.add(ruling["number"])
    _evidence(record, found)
    if transcript["shared"] and transcript["parent"] is None:
        raise BadRecord("transcript.shared: it shares messages with no parent")
    return identity_of(record)


def _messages(record: RecordIn) -> None:
    messages = record["transcript"]["messages"]
    if messages is None:
        raise BadRecord("transcript.messages: none")
    for at, message in enumerate(messages):
        if message["position"] != at:
            raise BadRecord(f"transcript.messages.{at}.position: not {at}")
        for part in message["parts"]:
            text = part.get("text")
            if not isinstance(part.get("kind"), str) or "payload" in part or not isinstance(text, str | None):
                raise BadRecord(f"transcript.messages.{at}.parts: a part without a kind, or with bytes")
    if record["transcript"]["shared"] > len(messages):
        raise BadRecord("transcript.shared: more messages than there are")


def _labels(labels: list[LabelIn], found: Checked) -> set[tuple[str, str, int]]:
    known: set[tuple[str, str, int]] = set()
    for one in labels:
        key = (one["reviewer"], one["stage"], one["number"])
        if key in known:
            raise BadRecord(f"labels: {one['stage']} label {one['number']} of {one['reviewer']} comes twice")
        known.add(key)
        found.people.add(one["reviewer"])
        found.labels += 1
        version = _version(one["codebook_digest"], found)
        units = {unit["number"] for unit in one["units"]}
        if len(units) != len(one["units"]) or any(span["unit"] not in units for span in one["spans"]):
            raise BadRecord("labels.spans: of a unit that the label does not have")
        for said in (one, *one["units"]):
            if said["label"] not in version.codes:
                raise BadRecord(f"labels.label: the codebook has no label {said['label']!r}")
        for unit in one["units"]:
            start, end = unit["start"], unit["end"]
            if (start is None) != (end is None):
                raise BadRecord("labels.units: a start without an end")
            if start is not None and end is not None and (unit["position"] is None or end <= start):
                raise BadRecord("labels.units: a place that is none")
        if any(span["end"] <= span["start"] for span in one["spans"]):
            raise BadRecord("labels.spans: it ends before it begins")
        moment_of(one["at"])
    return known


def _ruling(ruling: RulingIn, known: set[tuple[str, str, int]], found: Checked) -> None:
    found.rulings += 1
    version = _version(ruling["codebook_digest"], found)
    if ruling["label"] not in version.codes:
        raise BadRecord(f"ruling.label: the codebook has no label {ruling['label']!r}")
    if ruling["rule"] not in RULES:
        raise BadRecord(f"ruling.rule: there is no rule {ruling['rule']!r}")
    if (ruling["adjudicator"] is not None) != (ruling["rule"] == ADJUDICATOR):
        raise BadRecord("ruling.adjudicator: rulings of adjudicators have one, and no others")
    if ruling["adjudicator"]:
        found.people.add(ruling["adjudicator"])
    cited = [*ruling["cites"], ruling["took"], *ruling["mixed"].values()]
    for one in cited:
        if one is not None and (one["reviewer"], one["stage"], one["number"]) not in known:
            raise BadRecord(f"ruling: it cites a label of {one['reviewer']} that the record does not have")
    moment_of(ruling["at"])


def _version(digest: str, found: Checked) -> Version:
    if digest not in found.versions:
        raise BadRecord(f"codebook_digest: no codebook of the release has {digest[:12]}…")
    return found.versions[digest]


def _evidence(record: RecordIn, found: Checked) -> None:
    seen = set()
    for one in record["evidence"] or ():
        declared = found.channels.get(one["channel"])
        if declared is None or declared.get("kind") != one["kind"] or one["kind"] == "human":
            raise BadRecord(f"evidence: {MANIFEST} does not declare channel {one['channel']!r} like this")
        if one["channel"] in seen:
            raise BadRecord(f"evidence: channel {one['channel']!r} comes twice")
        seen.add(one["channel"])
        found.readings += len(one["readings"]) if one["readings"] is not None else 1


def _depths(found: Checked, parents: dict[str, str]) -> None:
    """A branch is written after its parent, where the release has that."""
    for key in parents:
        chain, at = 0, key
        while (parent := parents.get(at)) is not None and parent in found.depth:
            chain, at = chain + 1, parent
            if chain > len(parents):
                raise CannotOpen(f"{RECORDS}: transcript {key} branches off itself")
        found.depth[key] = chain
