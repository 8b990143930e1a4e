"""The address that load balancers ask."""

from django.urls import path

from auditor.runtime import views

app_name = "runtime"
urlpatterns = [path("healthz", views.healthz, name="healthz")]
