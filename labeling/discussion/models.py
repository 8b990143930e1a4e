"""Threads of comments, each about words, a message, a transcript or a codebook.

    Thread 1--* Comment 1--* Wording     the newest is what people read; earlier ones stay
                        1--* Mention     who was addressed, named or answered; what they have not read is their inbox

What a person may see of it is asked through `queries.visible_threads` and `queries.visible_comments`.
"""

from django.db import models
from django.db.models import F, Q

COMMENT, QUESTION = "comment", "question"
UNNAMED = "unnamed"  # a question of an adjudicator, who shall not learn whose answer it is: nobody is named
KINDS = (COMMENT, QUESTION, UNNAMED)
ADDRESSED, NAMED, ANSWERED = "addressed", "named", "answered"
CALLS = (ADDRESSED, NAMED)  # somebody wanted this person to read it; an answer only tells them of it


class Thread(models.Model):
    """One conversation and the place it is about."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="threads")
    transcript = models.ForeignKey(
        "corpus.Transcript", null=True, on_delete=models.PROTECT, related_name="threads"
    )
    codebook = models.ForeignKey(
        "codebooks.Codebook", null=True, on_delete=models.PROTECT, related_name="threads"
    )
    position = models.PositiveIntegerField(null=True)  # message; null: the whole transcript
    part = models.CharField(max_length=20, blank=True)  # empty: the whole message
    start = models.PositiveIntegerField(null=True)  # code points
    end = models.PositiveIntegerField(null=True)
    quote = models.TextField(blank=True)  # the words as they stand there
    kind = models.CharField(max_length=20, default=COMMENT)
    while_blind = models.BooleanField(default=False)  # opened by somebody who had yet to label it blind
    opened_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    answer = models.ForeignKey("Comment", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(transcript__isnull=False) | Q(codebook__isnull=False),
                name="thread_is_about_something",
            ),
            models.CheckConstraint(
                condition=Q(position__isnull=True, part="") | Q(position__isnull=False, transcript__isnull=False),
                name="thread_at_message_has_transcript",
            ),
            models.CheckConstraint(
                condition=Q(part="", start__isnull=True, end__isnull=True, quote="")
                | Q(~Q(part=""), ~Q(quote=""), start__isnull=False, end__gt=F("start")),
                name="thread_on_words_quotes_them",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True, resolved_by__isnull=True)
                | Q(resolved_at__isnull=False, resolved_by__isnull=False),
                name="thread_says_who_resolved_it",
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["project", "-id"], name="threads_newest_first")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Comment(models.Model):
    """One contribution. A removed one keeps its place and is shown to nobody."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="comments", db_index=False)
    number = models.PositiveIntegerField()  # from 1
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    while_blind = models.BooleanField(default=False)  # its author had yet to label the transcript blind
    key = models.CharField(
        max_length=64, blank=True
    )  # made by the form; the same one sent again is no second
    written_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["thread", "number"], name="one_comment_per_number"),
            models.UniqueConstraint(
                fields=["author", "key"], condition=~Q(key=""), name="one_comment_per_sending"
            ),
        ]

    def __str__(self) -> str:
        return f"comment {self.number} of {self.thread_id}"


class Wording(models.Model):
    """What a comment says, or said before its author changed it; the database refuses to edit it."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="wordings", db_index=False)
    number = models.PositiveIntegerField()  # from 1
    text = models.TextField()
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["comment", "number"], name="one_wording_per_number")]

    def __str__(self) -> str:
        return self.text[:60]


class Mention(models.Model):
    """A person whom a comment is meant for."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="mentions", db_index=False)
    person = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="mentions")
    why = models.CharField(max_length=20)  # addressed, named or answered
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["comment", "person"], name="one_mention_per_person"),
            models.CheckConstraint(condition=Q(why__in=[*CALLS, ANSWERED]), name="known_reason_of_mention"),
        ]
        indexes = [
            models.Index(fields=["person"], condition=Q(read_at__isnull=True), name="mentions_not_read")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.why} in {self.comment_id}"
