from django.urls import path

from auditor.browse import views

app_name = "browse"
urlpatterns = [
    path("", views.transcripts, name="list"),
    path("<int:pk>/", views.transcript, name="transcript"),
]
