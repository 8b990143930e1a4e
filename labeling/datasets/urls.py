from django.urls import path

from labeling.datasets import views, views_card, views_diff, views_import

app_name = "datasets"
urlpatterns = [
    path("", views.list_releases, name="list"),
    path("new/", views.new, name="new"),
    path("preview/", views.preview, name="preview"),
    path("import/", views_import.bring, name="bring"),
    path("jobs/<int:pk>/", views_import.job, name="job"),
    path("imports/<int:pk>/", views_import.imported, name="imported"),
    path("<int:pk>/archive.zip", views_import.archive, name="archive"),
    path("<int:pk>/", views.release, name="release"),
    path("<int:pk>/card/", views_card.card, name="card"),
    path("<int:pk>/freeze/", views_card.freeze, name="freeze"),
    path("<int:pk>/keep/", views_card.keep, name="keep"),
    path("<int:pk>/check/", views_card.check, name="check"),
    path("<int:pk>/diff/", views_diff.diff, name="diff"),
    path("<int:pk>/again/", views.build_again, name="build_again"),
    path("<int:pk>/probe/", views.probe, name="probe"),
    path("<int:pk>/teach/", views.teach, name="teach"),
    path("<int:pk>/files/<path:name>", views.download, name="download"),
]
