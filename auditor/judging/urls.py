from django.urls import path

from auditor.judging.views import comparison, editor, judge, library, runs, verdict

app_name = "judging"
urlpatterns = [
    path("", library.library, name="list"),
    path("new/", editor.new, name="new"),
    path("preview/", editor.preview, name="preview"),
    path("compare/", comparison.comparison, name="compare"),
    path("compare.csv", comparison.download, name="compare_csv"),
    path("shipped/<slug:rubric>.md", judge.shipped_file, name="shipped"),
    path("of/<slug:slug>/", judge.judge, name="judge"),
    path("of/<slug:slug>/edit/", editor.edit, name="edit"),
    path("of/<slug:slug>/changes/", judge.diff, name="diff"),
    path("of/<slug:slug>/archive/", judge.archive, name="archive"),
    path("versions/<int:pk>/rubric.md", judge.rubric_file, name="rubric"),
    path("versions/<int:pk>/check/", judge.check, name="check"),
    path("checks/<int:pk>/", judge.injections, name="injections"),
    path("jobs/<int:pk>/", runs.job, name="job"),
    path("runs/new/", runs.new, name="start"),
    path("preflights/<int:pk>/", runs.preflight, name="preflight"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/on/<int:transcript>/", verdict.on, name="on"),
    path("runs/<int:pk>/retry/", runs.retry, name="retry"),
    path("runs/<int:pk>/cap/", runs.cap, name="cap"),
    path("verdicts/<int:pk>/", verdict.verdict, name="verdict"),
    path("verdicts/<int:pk>/calls/", verdict.calls, name="calls"),
]
