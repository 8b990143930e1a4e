"""Reports of validity that are computed in the background and kept; each subject's noun stands beside its figures."""

from labeling.validity.prevalence.models import PrevalenceReport

__all__ = ["PrevalenceReport"]
