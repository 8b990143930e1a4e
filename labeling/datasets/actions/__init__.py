"""Verbs of releases, by subject; see the files beside this one."""

from labeling.datasets.actions.building import build, check
from labeling.datasets.actions.importing import IMPORT, carry_import, open_import
from labeling.datasets.actions.opening import (
    CHECK,
    TASK,
    build_again,
    checked,
    open_check,
    open_release,
    same_again,
)
from labeling.datasets.actions.refusals import CannotRelease
from labeling.datasets.actions.teaching import teach_judge, train_probe
from labeling.datasets.actions.wording import freeze, keep, write_prose

__all__ = [
    "CHECK", "IMPORT", "TASK", "CannotRelease", "build", "build_again", "carry_import", "check", "checked", "freeze", "keep",
    "open_check", "open_import", "open_release", "same_again", "teach_judge", "train_probe", "write_prose",
]  # fmt: skip
