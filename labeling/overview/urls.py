from django.urls import path

from labeling.overview import views, views_settings

app_name = "overview"
urlpatterns = [
    path("", views.home, name="home"),
    path("projects/new/", views.new_project, name="new_project"),
    path("p/<slug:project>/", views.project, name="project"),
    path("p/<slug:project>/settings/", views_settings.settings, name="settings"),
    path("p/<slug:project>/settings/archive/", views_settings.archive, name="archive"),
    path("p/<slug:project>/settings/remove/", views_settings.remove, name="remove"),
    path("p/<slug:project>/dashboard/", views.dashboard, name="dashboard"),
    path("p/<slug:project>/dashboard/items/", views.items, name="items"),
]
