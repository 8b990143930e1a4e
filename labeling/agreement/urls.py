from django.urls import path

from labeling.agreement import views

app_name = "agreement"
urlpatterns = [
    path("", views.rounds, name="rounds"),
    *(
        pattern
        for of in ("round", "codebook")
        for pattern in (
            path(f"{of}s/<int:pk>/", views.report, {"of": of}, name=of),
            path(f"{of}s/<int:pk>/items/", views.items, {"of": of}, name=f"{of}_items"),
            path(f"{of}s/<int:pk>/compute/", views.compute, {"of": of}, name=f"{of}_compute"),
            path(f"{of}s/<int:pk>/over-time.svg", views.course, {"of": of}, name=f"{of}_course"),
            path(f"{of}s/<int:pk>/agreement.csv", views.download, {"of": of}, name=f"{of}_csv"),
        )
    ),
]
