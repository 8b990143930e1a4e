from django.urls import path

from labeling.overview import views

app_name = "overview"
urlpatterns = [
    path("", views.home, name="home"),
    path("projects/new/", views.new_project, name="new_project"),
    path("p/<slug:project>/", views.project, name="project"),
    path("p/<slug:project>/dashboard/", views.dashboard, name="dashboard"),
    path("p/<slug:project>/dashboard/items/", views.items, name="items"),
]
