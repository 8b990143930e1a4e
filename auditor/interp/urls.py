from django.urls import path

from auditor.interp.urls_probes import patterns
from auditor.interp.views import captures, dictionaries, library, subjects, trainings

app_name = "interp"
urlpatterns = [
    path("", library.library, name="list"),
    path("jobs/<int:pk>/", library.job, name="job"),
    path("new-model/", subjects.new, name="new_subject"),
    path("models/<slug:subject>/", subjects.subject, name="subject"),
    path("models/<slug:subject>/check/", subjects.check, name="check"),
    path("models/<slug:subject>/archive/", subjects.archive, name="archive_subject"),
    path("new-dictionary/", dictionaries.new, name="new_dictionary"),
    path("dictionaries/<slug:dictionary>/", dictionaries.dictionary, name="dictionary"),
    path("dictionaries/<slug:dictionary>/pin/", dictionaries.pin, name="pin"),
    path("dictionaries/<slug:dictionary>/explanations/", dictionaries.explain, name="explain"),
    path("dictionaries/<slug:dictionary>/archive/", dictionaries.archive, name="archive_dictionary"),
    path("new-capture/", captures.new, name="new_capture"),
    path("captures/<int:pk>/", captures.capture, name="capture"),
    path("captures/<int:pk>/retry/", captures.retry, name="retry"),
    path("trainings/<int:pk>/", trainings.training, name="training"),
    *patterns,
]
