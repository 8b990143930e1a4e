"""Why an adjudicator ruled as they did: a small set that stays, so that rulings can be counted over years."""

CODES = (
    ("evidence", "Evidence decides", "The text or the evidence settles it."),
    ("slip", "Reviewer slip", "Somebody overlooked or mistyped something."),
    ("judgement", "Judgement call", "Both readings are possible; this one is better supported."),
    ("unclear", "Codebook unclear", "The codebook does not say, or says two things."),
    ("ambiguous", "Ambiguous text", "The text itself leaves it open."),
    ("other", "Other", "None of these; see the reason in words."),
)
WORDS = {code: words for code, words, _ in CODES}
