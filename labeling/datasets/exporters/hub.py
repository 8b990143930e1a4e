"""What a Hugging Face dataset card declares: which files are which split.

A release's folder is a dataset folder as it stands: `datasets.load_dataset(FOLDER)` opens the Parquet files. All
configurations of one folder have to be of one file type, so training sets, which are JSON lines, are not declared and are
opened by `load_dataset("json", data_files=…)`. Source: the Hub's manual configuration by YAML, and `datasets` 5.2.
"""

from collections.abc import Sequence
from typing import Any

from labeling.datasets.exporters.parquet import split_files


def configurations(names: Sequence[str], splits: Sequence[str]) -> list[dict[str, Any]]:
    """The value of `configs` in the card's header, for a release with these files; `splits` are those with records.

    A split without records must not be declared: a loader refuses it.
    """
    files = split_files(list(names), list(splits))
    whole = [
        {"split": split, "path": paths if len(paths) > 1 else paths[0]} for split, paths in files.items()
    ]
    return [{"config_name": "default", "data_files": whole}]
