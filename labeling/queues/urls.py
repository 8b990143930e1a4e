from django.urls import path

from labeling.queues import views

app_name = "queues"
urlpatterns = [
    path("", views.rounds, name="rounds"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.round, name="round"),
    path("<int:pk>/close/", views.close, name="close"),
    path("<int:pk>/reviewers/", views.add, name="add"),
]
