from django.urls import path

from labeling.adjudication import views

app_name = "adjudication"
urlpatterns = [
    path("", views.cases, name="cases"),
    path("settled/", views.settled, name="settled"),
    path("<int:pk>/", views.case, name="case"),
]
