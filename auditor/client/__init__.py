"""For notebooks and scripts: what Auditor's API tells, as data frames; it reads, and changes nothing."""

from auditor.client.auditor_client import Auditor, Refused, Release

__all__ = ["Auditor", "Refused", "Release"]
