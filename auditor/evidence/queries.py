"""Questions about evidence, always asked on behalf of a person: what is veiled to them stays out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)

from auditor.accounts.models import User
from auditor.corpus.models import TranscriptQuerySet
from auditor.evidence.models import (
    HUMAN,
    Block,
    Channel,
    ChannelWorth,
    Quote,
    Reading,
    Rollup,
    Track,
    Veil,
    WorthBasis,
)
from auditor.evidence.spoken import Spoken, spoken_at
from auditor.evidence.veils import no_veil
from auditor.web.plainrows import Columns
from auditor.web.prepared import prepared

Row = TypeVar("Row", bound=Model)
MACHINE = "machine"
SCOPES = (MACHINE, HUMAN)


IDS = """
    SELECT ARRAY(SELECT said.id FROM evidence_reading said JOIN evidence_channel channel ON channel.id = said.channel_id
            WHERE said.transcript_id = %(transcript)s AND said.superseded_at IS NULL AND channel.kind <> 'human'
            ORDER BY said.id LIMIT %(most)s),
        ARRAY(SELECT said.id FROM evidence_track said JOIN evidence_channel channel ON channel.id = said.channel_id
            WHERE said.transcript_id = %(transcript)s AND said.superseded_at IS NULL AND channel.kind <> 'human'
            ORDER BY said.id LIMIT %(most)s),
        ARRAY(SELECT said.id FROM evidence_block said
            WHERE said.transcript_id = %(transcript)s AND said.superseded_at IS NULL ORDER BY said.id LIMIT %(most)s)
    WHERE NOT EXISTS (SELECT FROM evidence_veil veil WHERE veil.person_id = %(person)s AND veil.scope = %(scope)s
        AND veil.transcript_id = %(transcript)s AND veil.lifted_at IS NULL)
"""
VEILED = """
    FROM evidence_veil veil JOIN corpus_transcript transcript ON transcript.id = veil.transcript_id
    WHERE veil.person_id = %s AND veil.scope = ANY(%s::text[]) AND veil.lifted_at IS NULL AND transcript.project_id = %s
"""
ANYWHERE = f"SELECT EXISTS(SELECT {VEILED})"
UP_TO = f"SELECT count(*) FROM (SELECT DISTINCT veil.transcript_id {VEILED} ORDER BY 1 LIMIT %s) AS few"  # noqa: S608
AMONG = """
    SELECT transcript_id FROM evidence_veil
    WHERE person_id = %s AND scope = %s AND lifted_at IS NULL AND transcript_id = ANY(%s::bigint[])
"""
ROLLED = """
    SELECT said.transcript_id, said.channel_id, said.value, said.label
    FROM evidence_rollup said JOIN evidence_channel channel ON channel.id = said.channel_id
    WHERE said.transcript_id = ANY(%s::bigint[]) AND said.channel_id = ANY(%s::bigint[])
        AND NOT EXISTS (SELECT FROM evidence_veil veil WHERE veil.person_id = %s AND veil.transcript_id = said.transcript_id
            AND veil.scope = CASE channel.kind WHEN 'human' THEN 'human' ELSE 'machine' END AND veil.lifted_at IS NULL)
"""
CHANNELS = Columns(Channel)
OF_PROJECT = f"""
    SELECT {CHANNELS.of("channel")} FROM evidence_channel channel WHERE channel.project_id = %s
    ORDER BY channel.kind = 'human', channel.kind, channel.key
"""  # noqa: S608 - made of constants
LAYERED = f"""
    SELECT {CHANNELS.of("channel")}, said.tracked, rolled.value
    FROM evidence_channel channel
    CROSS JOIN LATERAL (SELECT
        EXISTS (SELECT FROM evidence_track track WHERE track.transcript_id = %(transcript)s
            AND track.channel_id = channel.id AND track.superseded_at IS NULL) AS tracked,
        EXISTS (SELECT FROM evidence_reading reading WHERE reading.transcript_id = %(transcript)s
            AND reading.channel_id = channel.id AND reading.superseded_at IS NULL
            AND reading.position IS NOT NULL AND reading.value IS NOT NULL) AS placed OFFSET 0) said
    LEFT JOIN evidence_rollup rolled ON rolled.transcript_id = %(transcript)s AND rolled.channel_id = channel.id
    WHERE channel.project_id = %(project)s AND channel.kind <> 'human'
        AND (said.tracked OR said.placed OR channel.id = ANY(%(held)s::bigint[]))
        AND NOT EXISTS (SELECT FROM evidence_veil veil WHERE veil.person_id = %(person)s AND veil.scope = 'machine'
            AND veil.transcript_id = %(transcript)s AND veil.lifted_at IS NULL)
    ORDER BY channel.kind, channel.key
"""  # noqa: S608 - made of constants


@dataclass(frozen=True)
class Sight:
    """What one person may see of the evidence; the only door to readings, tracks and quotes."""

    person_id: int

    def readings(self, transcript_ids: Iterable[int]) -> QuerySet[Reading]:
        """Current readings on these transcripts."""
        rows = Reading.objects.filter(transcript_id__in=list(transcript_ids), superseded_at__isnull=True)
        return self._unveiled(rows).select_related("channel").order_by("channel__kind", "channel__key", "pk")

    def spoken_at(self, transcript_ids: Iterable[int], moment: datetime) -> list[Spoken]:
        """What channels of machines said on these transcripts as it was current at a moment, oldest first."""
        return spoken_at(self.person_id, transcript_ids, moment)

    def rollups(self, transcript_ids: Iterable[int]) -> QuerySet[Rollup]:
        """The transcripts' values on each channel."""
        return self._unveiled(Rollup.objects.filter(transcript_id__in=list(transcript_ids)))

    def rollups_of(self, channel: Channel) -> QuerySet[Rollup]:
        """A channel's values over all transcripts this person may see them on."""
        return self._unveiled_for([channel], Rollup.objects.filter(channel=channel))

    def rollups_on(self, channels: Iterable[Channel]) -> QuerySet[Rollup]:
        """Several channels' values over all transcripts this person may see them on."""
        some = list(channels)
        return self._unveiled_for(some, Rollup.objects.filter(channel__in=[c.pk for c in some]))

    def readings_on(self, channels: Iterable[Channel]) -> QuerySet[Reading]:
        """Several channels' current readings over all transcripts this person may see them on."""
        some = list(channels)
        rows = Reading.objects.filter(channel__in=[c.pk for c in some], superseded_at__isnull=True)
        return self._unveiled_for(some, rows)

    def extents(self, channels: Iterable[Channel]) -> dict[int, tuple[float, float]]:
        """The least and greatest value of each channel, by its id, where it has any; two index probes each."""
        here = self._unveiled(Rollup.objects.filter(channel=OuterRef("pk"), value__isnull=False))
        rows = Channel.objects.filter(pk__in=[channel.pk for channel in channels]).annotate(
            least=Subquery(here.order_by("value").values("value")[:1]),
            most=Subquery(here.order_by("-value").values("value")[:1]),
        )
        return {pk: (a, b) for pk, a, b in rows.values_list("pk", "least", "most") if a is not None}

    def readings_named(self, ids: Iterable[int]) -> QuerySet[Reading]:
        """These readings, superseded ones too: what had been shown to somebody."""
        rows = Reading.objects.filter(pk__in=list(ids))
        return self._unveiled(rows).select_related("channel").order_by("pk")

    def tracks_on(self, channel: Channel) -> QuerySet[Track]:
        """A channel's current token tracks over all transcripts this person may see them on."""
        return self._unveiled(Track.objects.filter(channel=channel, superseded_at__isnull=True))

    def tracks(self, transcript_ids: Iterable[int]) -> QuerySet[Track]:
        """Current token tracks on these transcripts."""
        rows = Track.objects.filter(transcript_id__in=list(transcript_ids), superseded_at__isnull=True)
        return self._unveiled(rows).select_related("channel", "shard").order_by("position", "part", "pk")

    def tracked_channels(self, project_id: int) -> set[int]:
        """Ids of the project's channels with a value for each token on something that this person may see."""
        here = Q(transcript__project_id=project_id, superseded_at__isnull=True)
        tracks = self._unveiled(Track.objects.filter(here)).order_by().values_list("channel_id", flat=True)
        veiled = self._veils(MACHINE).filter(transcript_id=OuterRef("transcript_id"))
        blocks = Block.objects.filter(here).exclude(Exists(veiled)).order_by()
        several = blocks.values_list("channels", flat=True).distinct()
        return set(tracks.distinct()) | {pk for some in several for pk in some}

    def tracks_at(self, transcript_ids: Iterable[int], moment: datetime) -> QuerySet[Track]:
        """The token tracks on these transcripts that were current at a moment, oldest first."""
        held = Q(superseded_at__isnull=True) | Q(superseded_at__gt=moment)
        rows = Track.objects.filter(held, transcript_id__in=list(transcript_ids), created_at__lte=moment)
        return self._unveiled(rows).select_related("channel", "shard").order_by("pk")

    def blocks_at(self, transcript_ids: Iterable[int], moment: datetime) -> QuerySet[Block]:
        """The token blocks on these transcripts that were current at a moment, oldest first."""
        held = Q(superseded_at__isnull=True) | Q(superseded_at__gt=moment)
        rows = Block.objects.filter(held, transcript_id__in=list(transcript_ids), created_at__lte=moment)
        veiled = self._veils(MACHINE).filter(transcript_id=OuterRef("transcript_id"))
        return rows.exclude(Exists(veiled)).select_related("shard").order_by("pk")

    def blocks(self, transcript_ids: Iterable[int]) -> QuerySet[Block]:
        """Current token blocks on these transcripts, newest first: of a channel in several the first holds."""
        rows = Block.objects.filter(transcript_id__in=list(transcript_ids), superseded_at__isnull=True)
        veiled = self._veils(MACHINE).filter(transcript_id=OuterRef("transcript_id"))
        return rows.exclude(Exists(veiled)).select_related("shard").order_by("-pk")

    def quotes(self, transcript_ids: Iterable[int]) -> QuerySet[Quote]:
        """Quotes cited by the current readings on these transcripts."""
        rows = Quote.objects.filter(
            reading__transcript_id__in=list(transcript_ids), reading__superseded_at__isnull=True
        )
        return self._unveiled(rows, through="reading__").select_related("reading__channel")

    def bases(self, project_id: int) -> QuerySet[WorthBasis]:
        """What the project's channels were held against last, except where labels on any of it are veiled."""
        among: Any = Func(
            F("transcript_id"), OuterRef("transcripts"), template="(%(expressions)s))", arg_joiner=" = ANY(",
            output_field=BooleanField(),
        )  # fmt: skip
        veiled = Veil.objects.filter(among, person_id=self.person_id, lifted_at__isnull=True)
        rows = WorthBasis.objects.filter(project_id=project_id, superseded_at__isnull=True)
        return rows.exclude(Exists(veiled)).order_by("-adjudicated", "-pk")

    def worths(self, channel_ids: Sequence[int], project_id: int) -> QuerySet[ChannelWorth]:
        """What these channels are worth as far as the person may know, people's rulings as the reference first."""
        rows = ChannelWorth.objects.filter(
            channel_id__in=channel_ids, basis__in=self.bases(project_id).order_by()
        )
        return rows.select_related("basis").order_by(
            "channel_id", "-basis__adjudicated", "-basis_id", "place", "pk"
        )

    def is_veiled(self, transcript_id: int, scope: str = MACHINE) -> bool:
        """Whether evidence of this scope on the transcript is hidden from the person."""
        return bool(self.veiled_ids([transcript_id], scope))

    def veiled_ids(self, transcript_ids: Iterable[int], scope: str = MACHINE) -> set[int]:
        """Those of the transcripts on which evidence of this scope is hidden."""
        with prepared() as cursor:
            cursor.execute(AMONG, [self.person_id, scope, list(transcript_ids)])
            return {pk for (pk,) in cursor.fetchall()}

    def unveiled(
        self, rows: TranscriptQuerySet, scopes: Iterable[str], *, at: datetime | None = None
    ) -> TranscriptQuerySet:
        """`rows` without the transcripts whose evidence of these scopes is hidden (or was, at that moment).

        Whatever names a channel (filter, sort, facet, count, file) goes through here, since
        being in or out of its result would tell what the channel says.
        """
        here = OuterRef("pk")
        for scope in set(scopes):
            rows = rows.filter(no_veil("pk", self.person_id, scope))
            if at is not None:
                before = Veil.objects.filter(person_id=self.person_id, scope=scope, transcript_id=here)
                rows = rows.exclude(Exists(before.filter(laid_at__lte=at, lifted_at__gt=at)))
        return rows

    def veil_over(self, field: str, scope: str) -> Exists:
        """For rows whose `field` is a transcript's id: whether evidence of this scope on it is hidden."""
        return Exists(self._veils(scope).filter(transcript_id=OuterRef(field)))

    def n_veiled(self, project_id: int, scopes: Iterable[str]) -> int:
        """How many transcripts of the project have evidence of one of these scopes hidden from the person."""
        rows = Veil.objects.filter(
            person_id=self.person_id,
            scope__in=list(scopes),
            lifted_at__isnull=True,
            transcript__project_id=project_id,
        )
        return rows.aggregate(n=Count("transcript_id", distinct=True))["n"] or 0

    def is_veiled_anywhere(self, project_id: int, scopes: Iterable[str]) -> bool:
        """Whether evidence of one of these scopes is hidden from the person on any transcript of the project."""
        with prepared() as cursor:
            cursor.execute(ANYWHERE, [self.person_id, list(scopes), project_id])
            ((found,),) = cursor.fetchall()
        return bool(found)

    def spoken_ids(self, transcript_id: int, most: int) -> tuple[list[int], list[int], list[int]]:
        """Ids of what machines say of the transcript now, as far as the person may see it: readings, tracks, blocks."""
        with prepared() as cursor:
            cursor.execute(
                IDS, {"transcript": transcript_id, "person": self.person_id, "scope": MACHINE, "most": most}
            )
            found = cursor.fetchone()
        return found or ([], [], [])

    def layered(
        self, transcript_id: int, project_id: int, held: Iterable[int]
    ) -> list[tuple[Channel, bool, float | None]]:
        """Channels of machines that say something of places in the transcript, by kind: (channel, tracked, value).

        Args:
            held: ids of those that a block of the transcript holds.
        """
        values: dict[str, Any] = {
            "transcript": transcript_id, "project": project_id, "held": list(held), "person": self.person_id,
        }  # fmt: skip
        with prepared() as cursor:
            cursor.execute(LAYERED, values)
            return [(CHANNELS.row(iter(row)), row[-2], row[-1]) for row in cursor.fetchall()]

    def n_veiled_upto(self, project_id: int, scopes: Iterable[str], most: int) -> int:
        """As `n_veiled`, but counted no further than `most`."""
        with prepared() as cursor:
            cursor.execute(UP_TO, [self.person_id, list(scopes), project_id, most])
            ((n,),) = cursor.fetchall()
        return int(n)

    def rolled(
        self, transcript_ids: Iterable[int], channels: Iterable[Channel]
    ) -> dict[tuple[int, int], tuple[float | None, str]]:
        """(value, label) of transcripts on channels, by the ids of both, where this person may see it."""
        ids = [channel.pk for channel in channels]
        with prepared() as cursor:
            cursor.execute(ROLLED, [list(transcript_ids), ids, self.person_id])
            return {(pk, channel): (value, label) for pk, channel, value, label in cursor.fetchall()}

    def _veils(self, scope: str) -> QuerySet[Veil]:
        return Veil.objects.filter(person_id=self.person_id, scope=scope, lifted_at__isnull=True)

    def _unveiled_for(self, channels: Sequence[Channel], rows: QuerySet[Row]) -> QuerySet[Row]:
        """As `_unveiled`, in the simplest form: one probe a row where the channels are all of one scope."""
        scopes = {scope_of(channel) for channel in channels}
        if len(scopes) != 1:
            return self._unveiled(rows)
        return rows.filter(no_veil("transcript_id", self.person_id, scopes.pop()))

    def _unveiled(self, rows: QuerySet[Row], through: str = "") -> QuerySet[Row]:
        human = Q(**{f"{through}channel__kind": HUMAN})
        here = OuterRef(f"{through}transcript_id")
        return rows.exclude(~human & Q(Exists(self._veils(MACHINE).filter(transcript_id=here)))).exclude(
            human & Q(Exists(self._veils(HUMAN).filter(transcript_id=here)))
        )


def visible_to(person: User) -> Sight:
    """What `person` may see of the evidence now."""
    return Sight(person_id=person.pk)


def veiled_people(transcript_id: int, scope: str) -> set[int]:
    """Those from whom evidence of this scope on the transcript is hidden now; for the eyes of who is not."""
    rows = Veil.objects.filter(transcript_id=transcript_id, scope=scope, lifted_at__isnull=True)
    return set(rows.values_list("person_id", flat=True))


def scope_of(channel: Channel) -> str:
    """Which veil hides this channel."""
    return HUMAN if channel.kind == HUMAN else MACHINE


def channels_of(project_id: int) -> QuerySet[Channel]:
    """The channels of a project, people's last."""
    last = ExpressionWrapper(Q(kind=HUMAN), output_field=BooleanField())
    return Channel.objects.filter(project_id=project_id).order_by(last, "kind", "key")


def channels_by_key(project_id: int) -> dict[str, Channel]:
    """The same by their keys, as pages ask for them."""
    with prepared() as cursor:
        cursor.execute(OF_PROJECT, [project_id])
        found = [CHANNELS.row(iter(values)) for values in cursor.fetchall()]
    return {channel.key: channel for channel in found}


def ids_by_place(transcript_ids: Iterable[int], channel_ids: Iterable[int]) -> dict[tuple[Any, ...], int]:
    """Ids of current readings by `actions.NewReading.place`, for whoever has to refer to what they just wrote.

    It tells that there are readings, and nothing that they say.
    """
    rows = Reading.objects.filter(
        transcript_id__in=list(transcript_ids), channel_id__in=list(channel_ids), superseded_at__isnull=True
    )
    places = rows.values_list(
        "pk", "channel_id", "transcript_id", "position", "part", "start", "end", "identifier"
    )
    return {tuple(place): pk for pk, *place in places}
