from django.urls import path

from labeling.discussion import views

app_name = "discussion"
urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("discussion/<int:pk>/", views.thread, name="thread"),
    path("discussion/<int:pk>/read/", views.read, name="read"),
    path("discussion/<int:pk>/resolve/", views.settle, {"done": True}, name="resolve"),
    path("discussion/<int:pk>/reopen/", views.settle, {"done": False}, name="reopen"),
    path("discussion/comments/<int:pk>/edit/", views.comment, {"act": "edit"}, name="edit"),
    path("discussion/comments/<int:pk>/remove/", views.comment, {"act": "remove"}, name="remove"),
    path("discussion/comments/<int:pk>/answer/", views.comment, {"act": "answer"}, name="answer"),
    path("discussion/transcripts/<int:pk>/", views.transcript, name="transcript"),
    path("discussion/codebooks/<int:pk>/", views.codebook, name="codebook"),
]
