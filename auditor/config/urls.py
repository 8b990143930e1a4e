"""Every address of the app, in the order in which data flows."""

from django.urls import include, path

from auditor.config.api import addresses

handler500 = "auditor.runtime.views.broken"
urlpatterns = [
    path("", include("auditor.runtime.urls")),
    path("p/<slug:project>/review/", include("labeling.annotations.urls")),  # first, being asked for most
    path("api/v1/", include((addresses(), "api"))),
    path("", include("labeling.overview.urls")),
    path("", include("auditor.accounts.urls")),
    path("p/<slug:project>/runs/", include("auditor.runs.urls")),
    path("p/<slug:project>/webhooks/", include("auditor.webhooks.urls")),
    path("p/<slug:project>/endpoints/", include("auditor.llm.urls")),
    path("p/<slug:project>/", include("auditor.intake.urls")),
    path("p/<slug:project>/transcripts/", include("auditor.browse.urls")),
    path("p/<slug:project>/channels/", include("auditor.evidence.urls")),
    path("p/<slug:project>/samples/", include("auditor.sampling.urls")),
    path("p/<slug:project>/judges/", include("auditor.judging.urls")),
    path("p/<slug:project>/interp/", include("auditor.interp.urls")),
    path("p/<slug:project>/codebooks/", include("labeling.codebooks.urls")),
    path("p/<slug:project>/", include("labeling.discussion.urls")),
    path("p/<slug:project>/rounds/", include("labeling.queues.urls")),
    path("p/<slug:project>/agreement/", include("labeling.agreement.urls")),
    path("p/<slug:project>/adjudicate/", include("labeling.adjudication.urls")),
    path("p/<slug:project>/validity/", include("labeling.validity.urls")),
    path("p/<slug:project>/datasets/", include("labeling.datasets.urls")),
]
