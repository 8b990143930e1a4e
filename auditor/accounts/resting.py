"""What a page says where somebody writes in a project that is archived."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from auditor.ledger.actions import ProjectRests


class RestingProjects:
    """Answers 409 with a clear sentence, whichever page it was."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing happens on the way in or out."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        """A page for this refusal; others go on."""
        if not isinstance(problem, ProjectRests):
            return None
        return render(request, "auditor/accounts/resting.html", {"problem": str(problem)}, status=409)
