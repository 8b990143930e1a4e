"""Cases and rulings.

Round 1--* CaseRules   numbered; the highest says what becomes a case
      1--* BulkRun     one application of a bulk rule
Item  1--? Case        its reviewers disagree, or somebody asked for an adjudicator
Case  1--1 CaseLease   who has it open
      1--* SentBack    a question to its reviewers 1--* SentBackTo
Item  1--* Ruling      numbered; the highest holds; each cites the revisions it settles
"""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from labeling.adjudication.bulkrules import BULK

UNANIMOUS = "unanimous"  # all reviewers of the item gave the same label, and nothing else opens a case
TOLERATED = "tolerated"  # labels differ, but only as far as the round's rules allow
ADJUDICATOR = "adjudicator"
BY_RULE = (UNANIMOUS, TOLERATED)


class CaseRules(models.Model):
    """One version of what becomes a case in a round; see `caserules`."""

    round = models.ForeignKey("queues.Round", on_delete=models.CASCADE, related_name="case_rules")
    number = models.PositiveIntegerField()  # from 1; the highest holds; without any, the default does
    axes = models.JSONField()  # see `caserules.dump`
    own_rulings = models.BooleanField(default=False)  # may people rule on items they labelled themselves
    run = models.OneToOneField("runs.Run", on_delete=models.PROTECT, related_name="case_rules")
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "number"], name="one_version_of_case_rules_per_number")
        ]

    def __str__(self) -> str:
        return f"case rules {self.number} of round {self.round_id}"


class Case(models.Model):
    """A disagreement that waits for a ruling, or has one."""

    item = models.OneToOneField("queues.Item", on_delete=models.PROTECT, related_name="case")
    opened_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)  # sent back to reviewers, who have not answered yet
    disagreement = models.FloatField(default=0)  # 0 .. 1, by the round's rules
    reasons = models.JSONField(default=list)  # in words: "label differs", "confidence 1"
    axes = models.JSONField(default=list)  # keys of the axes behind the reasons
    rules_number = models.PositiveIntegerField(default=0)  # of the rules that measured it; 0: the default
    newest_label = models.BigIntegerField(default=0)  # id of the newest label when it was measured
    priority = models.PositiveSmallIntegerField(default=0)  # raised by managers; higher comes first
    place = models.GeneratedField(  # where it stands in the queue: by priority, then disagreement
        expression=-F("priority") - F("disagreement") * 0.5, output_field=models.FloatField(), db_persist=True
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(disagreement__range=(0, 1)), name="disagreement_within_0_and_1"
            )
        ]
        indexes = [
            models.Index(
                fields=["place", "id"], condition=Q(settled_at__isnull=True), name="open_cases_in_order"
            )
        ]

    def __str__(self) -> str:
        return f"case of item {self.item_id}"

    @property
    def state(self) -> str:
        """open, returned or settled."""
        if self.settled_at is not None:
            return "settled"
        return "returned" if self.returned_at is not None else "open"


class CaseLease(models.Model):
    """Who has the case open; made with the case, so that there is a row to lock."""

    case = models.OneToOneField(Case, on_delete=models.CASCADE, related_name="lease")
    holder = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["holder"], condition=Q(holder__isnull=False), name="cases_held_by_a_person")
        ]

    def __str__(self) -> str:
        return f"case {self.case_id} held by {self.holder_id}"

    @property
    def is_held(self) -> bool:
        return self.holder_id is not None and self.expires_at is not None and self.expires_at > timezone.now()


class BulkRun(models.Model):
    """One application of a bulk rule to the open cases of a round."""

    round = models.ForeignKey("queues.Round", on_delete=models.CASCADE, related_name="bulk_runs")
    number = models.PositiveIntegerField()  # from 1, for this round and rule
    rule = models.CharField(max_length=20)
    parameters = models.JSONField(default=dict)
    run = models.OneToOneField("runs.Run", on_delete=models.PROTECT, related_name="bulk_run")
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "rule", "number"], name="one_bulk_run_per_number"),
            models.CheckConstraint(condition=Q(rule__in=BULK), name="known_bulk_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.number} of round {self.round_id}"


class Ruling(models.Model):
    """The label that holds for an item, and why."""

    item = models.ForeignKey("queues.Item", on_delete=models.PROTECT, related_name="rulings")
    number = models.PositiveIntegerField()  # from 1; the highest holds
    rule = models.CharField(max_length=20)
    rule_number = models.PositiveIntegerField(
        default=0
    )  # version of the case rules, or number of the bulk run
    label = models.CharField(max_length=10)
    group = models.CharField(max_length=30)
    grade = models.CharField(max_length=4)
    answers = models.JSONField(default=dict)
    units = models.JSONField(default=list)  # the units of the label taken or built; see `content`
    spans = models.JSONField(default=list)  # kind, position, part, start, end, quote, unit
    codebook_version = models.ForeignKey(
        "codebooks.CodebookVersion", on_delete=models.PROTECT, related_name="+"
    )
    reason_code = models.CharField(max_length=30, blank=True)  # one of `reasons.CODES`
    reason = models.TextField(blank=True)
    adjudicator = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    took = models.ForeignKey(
        "annotations.LabelRevision", null=True, on_delete=models.PROTECT, related_name="+"
    )  # the revision the adjudicator took over, if any
    mixed = models.JSONField(default=dict)  # question -> id of the revision whose answer was taken
    bulk_run = models.ForeignKey(BulkRun, null=True, on_delete=models.PROTECT, related_name="rulings")
    cites = models.ManyToManyField("annotations.LabelRevision", related_name="rulings")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "number"], name="one_ruling_per_number"),
            models.CheckConstraint(
                condition=(Q(adjudicator__isnull=True) & ~Q(rule=ADJUDICATOR))
                | (Q(rule=ADJUDICATOR, adjudicator__isnull=False) & ~Q(reason="")),
                name="an_adjudicator_gives_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(rule__in=BULK, bulk_run__isnull=False) | ~Q(rule__in=BULK),
                name="a_bulk_ruling_names_its_run",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} for item {self.item_id} by {self.rule}"


class SentBack(models.Model):
    """A question that an adjudicator put to reviewers of a case."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="sent_back")
    question = models.TextField()
    newest_label = models.BigIntegerField()  # id of the newest label when it was asked
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True)  # when all had answered or revised their label

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(answered_at__isnull=True), name="one_open_question_per_case"
            )
        ]

    def __str__(self) -> str:
        return f"question on case {self.case_id}"


class SentBackTo(models.Model):
    """One reviewer who was asked, in a thread of their own, so that nobody learns who the others are."""

    sent_back = models.ForeignKey(SentBack, on_delete=models.CASCADE, related_name="asked")
    reviewer = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    thread = models.OneToOneField("discussion.Thread", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sent_back", "reviewer"], name="one_thread_per_asked_reviewer")
        ]

    def __str__(self) -> str:
        return f"{self.reviewer_id} asked in thread {self.thread_id}"
