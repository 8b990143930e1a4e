"""What commands of a project share: which project, who acts, and which transcripts."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.http import QueryDict

from auditor.accounts.models import Project, Role, User
from auditor.evidence.filters import Filter, FilterError
from auditor.sampling.choosing import Chosen
from auditor.sampling.models import Sample


def in_project(parser: CommandParser) -> CommandParser:
    """Add the options that say which project and who."""
    parser.add_argument("--project", required=True, help="the project's short name in its address")
    parser.add_argument("--as", dest="email", help="address of the manager who acts (default: the owner)")
    return parser


def over_transcripts(parser: CommandParser) -> CommandParser:
    """Add the options that say which transcripts."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--sample", help="the sample's name")
    which.add_argument("--filter", help='as in the list\'s address: "where=…"')
    return parser


def project_of(options: dict[str, Any]) -> Project:
    """The project that is named.

    Raises:
        CommandError: there is none.
    """
    found = Project.objects.filter(slug=options["project"]).first()
    if found is None:
        raise CommandError(f"there is no project {options['project']}")
    return found


def manager_of(project: Project, options: dict[str, Any]) -> User:
    """A manager of the project: the one named, else its first owner.

    Raises:
        CommandError: nobody of that address manages it.
    """
    members = project.memberships.filter(user__is_active=True, role__gte=Role.MANAGER).select_related("user")
    if options["email"]:
        members = members.filter(user__email__iexact=options["email"])
    member = members.order_by("-role", "pk").first()
    if member is None:
        raise CommandError(f"{options['email'] or 'nobody'} manages {project.slug}")
    return member.user


def chosen_of(project: Project, options: dict[str, Any]) -> Chosen:
    """The sample that is named, else what the filter matches.

    Raises:
        CommandError: no such sample, or a filter that cannot be read.
    """
    if options["sample"] is not None:
        sample = Sample.objects.filter(project=project, name=options["sample"]).first()
        if sample is None:
            raise CommandError(f"{project.slug} has no sample “{options['sample']}”")
        return Chosen(sample=sample)
    try:
        return Chosen(filter=Filter.from_query(QueryDict(options["filter"])))
    except FilterError as problem:
        raise CommandError(str(problem)) from problem
