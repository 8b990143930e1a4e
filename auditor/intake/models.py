"""Uploads: a file that has arrived and waits for its import to be confirmed."""

from django.db import models


class Upload(models.Model):
    """One file on its way in; gone once it was imported or discarded."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="uploads")
    file_name = models.CharField(max_length=300)
    source = models.ForeignKey("corpus.SourceFile", on_delete=models.PROTECT, related_name="+")
    format = models.CharField(max_length=40)  # as detected, or as chosen since
    why = models.CharField(max_length=300, blank=True)  # what the detection went by
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.file_name
