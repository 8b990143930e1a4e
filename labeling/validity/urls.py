from django.urls import path

from labeling.validity import views, views_channels
from labeling.validity.prevalence import views as prevalence

app_name = "validity"
urlpatterns = [
    path("", views_channels.channels, name="channels"),
    path("compute/", views_channels.compute, name="compute"),
    path("validity.csv", views_channels.download, name="csv"),
    path("forest.svg", views_channels.forest, name="forest"),
    path("channels/<int:pk>/", views_channels.channel, name="channel"),
    path("channels/<int:pk>/figures.csv", views_channels.channel_sheet, name="channel_csv"),
    path("channels/<int:pk>/plot.svg", views_channels.channel_plot, name="channel_plot"),
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
