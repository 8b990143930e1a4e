from django.urls import path

from auditor.evidence import views, views_contrast

app_name = "evidence"
urlpatterns = [
    path("", views.channels, name="channels"),
    path("<int:pk>/", views.channel, name="channel"),
    path("<int:pk>/spread/", views.spread_of, name="spread"),
    path("<int:pk>/contrast/", views_contrast.contrast_of, name="contrast"),
]
