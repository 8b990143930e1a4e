from django.urls import path

from auditor.runs import views

app_name = "runs"
urlpatterns = [
    path("", views.runs, name="list"),
    path("<int:pk>/", views.run, name="run"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
]
