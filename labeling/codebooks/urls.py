from django.urls import URLPattern

app_name = "codebooks"
urlpatterns: list[URLPattern] = []
