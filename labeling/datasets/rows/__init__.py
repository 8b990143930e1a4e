"""From rows of the database to records of a dataset, by subject; see the files beside this one."""

from labeling.datasets.rows.making import Records

__all__ = ["Records"]
