from django.urls import path

from labeling.codebooks import views

app_name = "codebooks"
urlpatterns = [
    path("<int:pk>/", views.version, name="version"),
    path("<int:pk>/codebook.yaml", views.download, name="download"),
]
