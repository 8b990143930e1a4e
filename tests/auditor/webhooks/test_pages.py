"""Pages and calls for webhooks: managers only, the secret once."""

import re

from django.urls import reverse
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.webhooks.models import Delivery, Subscription
from tests.people import signed_in
from tests.programs import program, read

FORM = {"url": "https://8.8.8.8/hook", "kinds": ["round.*", "item.ruled"]}


def test_the_secret_is_shown_once(project: Project, mia: User) -> None:
    browser = signed_in(mia)
    shown = browser.post(reverse("webhooks:new", args=[project.slug]), FORM).content.decode()
    hook = Subscription.objects.get()
    assert re.findall(r"whsec_[0-9a-f]{64}", shown)[0] == hook.secret
    for name, args in (("list", []), ("subscription", [hook.pk]), ("new", [])):
        assert (
            hook.secret
            not in browser.get(reverse(f"webhooks:{name}", args=[project.slug, *args])).content.decode()
        )


def test_who_does_not_manage_gets_404(project: Project, ada: User) -> None:
    assert signed_in(ada).get(reverse("webhooks:list", args=[project.slug])).status_code == 404
    assert signed_in(ada).post(reverse("webhooks:new", args=[project.slug]), FORM).status_code == 404
    assert program(ada, project).asks("/webhooks").status_code == 404


def test_a_private_address_is_refused_on_the_form(project: Project, mia: User) -> None:
    answer = signed_in(mia).post(
        reverse("webhooks:new", args=[project.slug]), {**FORM, "url": "https://169.254.169.254/latest"}
    )
    assert answer.status_code == 422
    assert "not a public address" in answer.content.decode()


def test_what_a_receiver_says_is_escaped_in_the_log(project: Project, mia: User) -> None:
    browser = signed_in(mia)
    browser.post(reverse("webhooks:new", args=[project.slug]), FORM)
    hook = Subscription.objects.get()
    sent = Delivery.objects.create(
        subscription=hook, event_id=1, kind="round.opened", give_up_at=timezone.now(), status=500, attempts=2,
        tried_at=timezone.now(), milliseconds=31, said="<script>alert(1)</script>", state="given_up",
    )  # fmt: skip
    page = browser.get(reverse("webhooks:subscription", args=[project.slug, hook.pk])).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "given up" in page
    assert ">500<" in page
    answer = browser.post(reverse("webhooks:send_again", args=[project.slug, sent.pk]))
    assert answer.status_code == 302
    sent.refresh_from_db()
    assert sent.state == "waiting"


def test_it_can_be_changed_switched_and_removed(project: Project, mia: User) -> None:
    browser = signed_in(mia)
    browser.post(reverse("webhooks:new", args=[project.slug]), FORM)
    hook = Subscription.objects.get()
    here = reverse("webhooks:subscription", args=[project.slug, hook.pk])
    assert browser.post(here, {"url": "https://8.8.4.4/", "kinds": ["case.*"]}).status_code == 302
    hook.refresh_from_db()
    assert (hook.url, hook.kinds) == ("https://8.8.4.4/", ["case.*"])
    browser.post(reverse("webhooks:switch", args=[project.slug, hook.pk]), {"on": "0"})
    assert "Switch on" in browser.get(here).content.decode()
    browser.post(reverse("webhooks:remove", args=[project.slug, hook.pk]))
    assert browser.get(here).status_code == 404


def test_a_program_does_the_same(project: Project, mia: User) -> None:
    robot = program(mia, project)
    refused = robot.sends("/webhooks", {"url": "https://10.0.0.1/", "kinds": ["round.*"]})
    assert (refused.status_code, read(refused)["errors"][0]["field"]) == (422, "url")
    made = robot.does("/webhooks", FORM)
    assert made["secret"] == Subscription.objects.get().secret
    again = robot.sends("/webhooks", FORM)
    assert (again.status_code, read(again)["existing"]) == (409, made["id"])
    assert "secret" not in robot.gets(f"/webhooks/{made['id']}")
    assert [one["id"] for one in robot.gets("/webhooks")["items"]] == [made["id"]]
    changed = robot.does(f"/webhooks/{made['id']}", {**FORM, "kinds": ["case.*"]}, method="PUT")
    assert changed["kinds"] == ["case.*"]
    assert robot.does(f"/webhooks/{made['id']}/switch", {"on": False})["active"] is False
    assert robot.gets(f"/webhooks/{made['id']}/deliveries") == {"items": [], "next": ""}
    assert robot.sends(f"/webhooks/{made['id']}", method="DELETE").status_code == 204
    assert robot.asks(f"/webhooks/{made['id']}").status_code == 404
