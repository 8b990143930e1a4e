"""Who and what the proof `reviewing` needs in a running product: a project, rounds, reviewers with sign-in links.

    python -m bench.campaign.cast '{"people": 50, "items": {"reveal": 1500, "blind_only": 500}, "overlap": 3, "seed": 1}'

Runs in the product's environment and prints one JSON object.
"""

import json
import os
import sys
from typing import Any


def main() -> None:
    """Make it and say where it is."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "auditor.config.settings")
    import django

    django.setup()
    print(json.dumps(make(**json.loads(sys.argv[1]))))


def make(*, people: int, items: dict[str, int], overlap: int, seed: int) -> dict[str, Any]:
    """A round of each policy, with so many items, for the same people."""
    from django.urls import reverse

    from auditor.accounts.actions import issue_link
    from bench.scene import begin, fill, open_round, reviewers
    from labeling.queues.models import Round

    project, owner = begin("Reviewing")
    fill(project, owner, max(items.values()), messages=4, words=20, seed=seed)
    crew = reviewers(project, owner, people)
    rounds = {
        policy: open_round(project, owner, crew, count, overlap=overlap, policy=policy, name=policy)
        for policy, count in items.items()
        if count
    }
    Round.objects.filter(project=project).update(lease_minutes=1)  # some run out while a server is away
    return {
        "rounds": [
            {
                "pk": round.pk,
                "policy": policy,
                "items": items[policy],
                "take": reverse("annotations:next", args=[project.slug, round.pk]),
            }
            for policy, round in rounds.items()
        ],
        "people": {
            user.pk: reverse("accounts:link", args=[issue_link(user=user, purpose="sign_in", actor=None)])
            for user in crew
        },
    }


if __name__ == "__main__":
    main()
