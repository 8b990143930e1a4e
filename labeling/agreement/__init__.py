"""Agreement: how far reviewers say the same, with intervals; and what a model of them makes of it.

    ratings       who said what of which item     resampling    item bootstrap from a seed
    coefficients  percent, kappa, alpha, AC1      sets, spans   distances of sets; agreement on marked words
    dawid_skene   what people's labels say together, and how sure that is; judges are refused
    proportions   Wilson intervals, exact McNemar
    measures      what of a label can be compared   figures     all of it for a round

`docs/agreement.md` has the formulas and their sources.
"""
