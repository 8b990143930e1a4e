"""Where reviewers disagree, a ruling; where they agree, a ruling by that very rule."""
