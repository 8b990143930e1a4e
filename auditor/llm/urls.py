from django.urls import path

from auditor.llm import views

app_name = "llm"
urlpatterns = [
    path("", views.endpoints, name="list"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.endpoint, name="endpoint"),
    path("<int:pk>/key/", views.remove_key, name="remove_key"),
    path("<int:pk>/try/", views.start, name="try"),
    path("<int:pk>/archive/", views.archive, name="archive"),
    path("tried/<int:pk>/", views.tried, name="tried"),
]
