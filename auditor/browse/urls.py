from django.urls import path

from auditor.browse import views, views_compare, views_heat, views_saved, views_transcript

app_name = "browse"
urlpatterns = [
    path("", views.transcripts, name="list"),
    path("facets/", views.counts, name="facets"),
    path("filter-help/", views.grammar, name="grammar"),
    path("export.csv", views.export, name="export"),
    path("views/", views_saved.save, name="save_view"),
    path("views/<int:pk>/", views_saved.change, name="change_view"),
    path("columns/", views_saved.columns, name="columns"),
    path("compare/", views_compare.comparison, name="compare"),
    path("<int:pk>/", views_transcript.transcript, name="transcript"),
    path("<int:pk>/overview/", views_transcript.overview_of, name="overview"),
    path("<int:pk>/find/", views_transcript.found_in, name="find"),
    path("<int:pk>/part/", views_transcript.part, name="part"),
    path("<int:pk>/heat/", views_heat.heat, name="heat"),
    path("<int:pk>/features/", views_heat.features, name="features"),
    path("<int:pk>/tokens/", views_heat.tokens, name="tokens"),
    path("<int:pk>/json/", views_transcript.as_json, name="json"),
]
