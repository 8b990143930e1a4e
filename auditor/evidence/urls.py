from django.urls import path

from auditor.evidence import views

app_name = "evidence"
urlpatterns = [
    path("", views.channels, name="channels"),
    path("<int:pk>/", views.channel, name="channel"),
]
