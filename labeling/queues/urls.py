from django.urls import path

from labeling.queues.views import gold, manage, rounds

app_name = "queues"
urlpatterns = [
    path("", rounds.rounds, name="rounds"),
    path("new/", rounds.new, name="new"),
    path("<int:pk>/", rounds.round, name="round"),
    path("<int:pk>/close/", manage.close, name="close"),
    path("<int:pk>/pause/", manage.pause, name="pause"),
    path("<int:pk>/due/", manage.due, name="due"),
    path("<int:pk>/reviewers/", manage.add, name="add"),
    path("<int:pk>/share/", manage.share, name="share"),
    path("<int:pk>/reassign/", manage.reassign, name="reassign"),
    path("<int:pk>/drop/", manage.drop, name="drop"),
    path("<int:pk>/resume/", manage.resume, name="resume"),
    path("<int:pk>/extend/", manage.extend, name="extend"),
    path("training/<int:pk>/", rounds.feedback, name="feedback"),
    path("gold/", gold.gold_sets, name="gold_sets"),
    path("gold/<int:pk>/", gold.gold_set, name="gold_set"),
    path("gold/<int:pk>/rulings/", gold.from_rulings, name="gold_rulings"),
    path("gold/<int:pk>/remove/", gold.remove, name="gold_remove"),
]
