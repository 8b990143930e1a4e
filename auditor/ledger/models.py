"""The audit trail: one row a write, kept for ever.

Rows name people and projects by id and by the name they had, without foreign keys:
the trail outlives what it speaks of. The database refuses UPDATE and DELETE.
"""

from django.db import models


class Event(models.Model):
    """Somebody did something to a row."""

    at = models.DateTimeField(auto_now_add=True)
    actor_id = models.BigIntegerField(null=True)  # null: the app itself
    actor_name = models.CharField(max_length=200, blank=True)
    project_id = models.BigIntegerField(null=True)
    verb = models.CharField(max_length=100)  # "round.opened", "label.committed"
    subject = models.CharField(max_length=100)  # "queues.round"
    subject_id = models.CharField(max_length=100)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["project_id", "-id"], name="events_of_a_project"),
            models.Index(fields=["subject", "subject_id"], name="events_of_a_row"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name or 'Auditor'} {self.verb} {self.subject} {self.subject_id}"
