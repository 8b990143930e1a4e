from django.urls import path

from auditor.intake import views

app_name = "intake"
urlpatterns = [
    path("", views.upload, name="upload"),
    path("uploads/<int:pk>/", views.look, name="preview"),
    path("uploads/<int:pk>/discard/", views.discard, name="discard"),
    path("batches/", views.batches, name="batches"),
    path("batches/<int:pk>/", views.batch, name="batch"),
    path("evidence/<int:pk>/", views.attachment, name="attachment"),
    path("runs/<int:pk>/", views.result, name="result"),
]
