"""How pages are made: one answer for htmx and for browsers, paging by key, words for numbers and times."""
