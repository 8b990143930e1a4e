from django.urls import path

from labeling.codebooks.views import drafting, reading

app_name = "codebooks"
urlpatterns = [
    path("", reading.codebooks, name="list"),
    path("new/", reading.new, name="new"),
    path("<int:pk>/", reading.version, name="version"),
    path("<int:pk>/codebook.yaml", reading.download, name="download"),
    path("<int:pk>/changes/", reading.changes, name="changes"),
    path("drafts/<int:pk>/", drafting.draft, name="draft"),
    path("drafts/<int:pk>/preview/", drafting.preview, name="preview"),
    path("drafts/<int:pk>/publish/", drafting.publish, name="publish"),
    path("drafts/<int:pk>/discard/", drafting.discard, name="discard"),
    path("drafts/<int:pk>/changes/", drafting.draft_changes, name="draft_changes"),
    path("drafts/<int:pk>/draft.yaml", drafting.draft_file, name="draft_file"),
    path("drafts/<int:pk>/part/", drafting.part, name="part"),
]
