"""Codebooks: what is asked and how labels follow, in numbered versions.

    Codebook 1--* CodebookVersion
             1--1 CodebookDraft

A version is frozen from the start: the database refuses to change it. The draft is what becomes the
next one.
"""

from django.db import models


class Codebook(models.Model):
    """A family of versions."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="codebooks")
    name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_codebook_per_name")]

    def __str__(self) -> str:
        return self.name


class CodebookVersion(models.Model):
    """One frozen definition; labels say which one they were made under."""

    codebook = models.ForeignKey(Codebook, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()  # see `definition.load`
    digest = models.CharField(max_length=64)  # sha256 hex of the canonical definition
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["codebook", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        return f"{self.codebook} v{self.number}"


class CodebookDraft(models.Model):
    """The next version as it is being written; saves are numbered, so that no editor overwrites another."""

    codebook = models.OneToOneField(Codebook, on_delete=models.CASCADE, related_name="draft")
    based_on = models.ForeignKey(CodebookVersion, null=True, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()  # grows with every save, publication and discarding
    changed = models.BooleanField(default=True)  # something was written since `based_on` was published
    text = models.TextField()  # YAML as typed; see `written.read_text`
    definition = models.JSONField(null=True)  # what the text defines; null while it defines nothing
    problem = models.TextField(blank=True)  # why it defines nothing
    waiting = models.JSONField(default=list)  # examples for labels that the text does not have now
    additions = models.JSONField(
        default=list
    )  # [{"number", "example"}] that came since `based_on`, see `add_example`
    updated_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"draft of {self.codebook}"
