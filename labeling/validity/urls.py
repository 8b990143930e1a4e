from django.urls import path

from labeling.validity import views

app_name = "validity"
urlpatterns = [
    path("anchoring/", views.anchoring, name="anchoring"),
    path("anchoring/items/", views.moved, name="moved"),
]
