from django.urls import path

from labeling.validity import views
from labeling.validity.prevalence import views as prevalence

app_name = "validity"
urlpatterns = [
    path("anchoring/", views.anchoring, name="anchoring"),
    path("anchoring/flows.csv", views.flows, name="flows_csv"),
    path("anchoring/flows.svg", views.flows, name="flows_svg"),
    path("anchoring/items/", views.moved, name="moved"),
    path("prevalence/", prevalence.prevalence, name="prevalence"),
    path("prevalence/compute/", prevalence.compute, name="prevalence_compute"),
    path("prevalence/<int:pk>/", prevalence.report, name="prevalence_report"),
    path("prevalence/<int:pk>/prevalence.csv", prevalence.download_csv, name="prevalence_csv"),
    path("prevalence/<int:pk>/prevalence.svg", prevalence.download_svg, name="prevalence_svg"),
]
