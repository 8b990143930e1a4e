from django.urls import URLPattern

app_name = "runtime"
urlpatterns: list[URLPattern] = []
