"""Agreement for programs."""

from auditor.accounts.models import Project, User
from labeling.agreement.models import AgreementReport
from labeling.queues.actions import close_round
from labeling.queues.models import Item, Round
from tests import make
from tests.programs import program


def labelled(project: Project, ana: User, bo: User) -> Round:
    """Four items: three alike, one not."""
    round = make.round(project, [make.transcript(project) for _ in range(4)], [ana, bo])
    for item, codes in zip(Item.objects.filter(round=round), ("HH", "UU", "HH", "HU"), strict=True):
        make.label(item, ana, codes[0])
        make.label(item, bo, codes[1])
    return round


def test_every_figure_comes_with_its_interval_and_seed(
    project: Project, mia: User, ana: User, bo: User
) -> None:
    round = labelled(project, ana, bo)
    robot = program(mia, project)
    said = robot.gets(f"/rounds/{round.pk}/agreement")
    assert said == robot.gets(f"/rounds/{round.pk}/agreement")
    assert (said["items"]["final"], said["compared"]["final"], said["outdated"]) == (4, 4, False)
    (percent,) = [
        line for line in said["lines"]
        if (line["measure"], line["stage"], line["cut"], line["coefficient"]) == ("label", "final", "all", "percent")
    ]  # fmt: skip
    assert percent["value"] == 0.75
    assert percent["low"] <= 0.75 <= percent["high"]
    assert percent["seed"]
    by_codebook = robot.gets(f"/codebooks/{round.codebook_version.codebook_id}/agreement")
    assert by_codebook["compared"] == said["compared"]


def test_it_is_withheld_while_colleagues_labels_are(project: Project, mia: User, ana: User, bo: User) -> None:
    round = labelled(project, ana, bo)
    make.round(project, [Item.objects.filter(round=round)[0].transcript], [mia, ana], name="Again")
    assert program(mia, project).asks(f"/rounds/{round.pk}/agreement").status_code == 404
    assert (
        program(mia, project).asks(f"/codebooks/{round.codebook_version.codebook_id}/agreement").status_code
        == 404
    )
    close_round(round=Round.objects.get(name="Again"), actor=mia)
    assert program(mia, project).asks(f"/rounds/{round.pk}/agreement").status_code == 200


def test_a_report_is_computed_and_kept(project: Project, mia: User, ana: User, bo: User) -> None:
    round = labelled(project, ana, bo)
    assert program(ana, project).sends(f"/rounds/{round.pk}/agreement").status_code == 403
    assert program(mia, project).does(f"/rounds/{round.pk}/agreement") == {"state": "computed"}
    assert AgreementReport.objects.get().round_id == round.pk
