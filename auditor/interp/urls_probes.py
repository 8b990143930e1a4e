"""Addresses of probes, features and their controls; part of the slice's `urls`."""

from django.urls import path

from auditor.interp.views import controls, features, probes

patterns = [
    path("new-probe/", probes.new, name="new_probe"),
    path("probes/<int:pk>/", probes.probe, name="probe"),
    path("probes/<int:pk>/probe.safetensors", probes.download, name="probe_file"),
    path("probes/<int:pk>/archive/", probes.archive, name="archive_probe"),
    path("dictionaries/<slug:dictionary>/<int:index>/", features.feature, name="feature"),
    path("channels/<int:pk>/", controls.of, name="of"),
    path("channels/<int:pk>/score/", controls.score, name="score"),
    path("channels/<int:pk>/threshold/", controls.threshold, name="threshold"),
]
