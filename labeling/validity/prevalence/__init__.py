"""How common a code is in the frame of a draw: four estimates, their intervals, and what is refused.

    inclusion     who could be drawn, who was, and with which odds     intervals   Wilson on an effective size, differences
    estimators    weighted rates and the variance of their design      ppi         prediction-powered, PPI++
    rogan_gladen  a judge corrected by its sensitivity and specificity
    figures       all of it for one code and one judge                 report      as it is stored
    plots, reading, downloads   how it is shown

`docs/prevalence.md` has the formulas and their sources.
"""
