"""Pages of judges: the library, one judge, its editor, runs, verdicts beside the text, comparisons."""
