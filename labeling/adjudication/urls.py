from django.urls import path

from labeling.adjudication import views

app_name = "adjudication"
urlpatterns = [
    path("", views.cases, name="cases"),
    path("returned/", views.returned, name="returned"),
    path("settled/", views.settled, name="settled"),
    path("next/", views.next_case, name="next"),
    path("<int:pk>/", views.case, name="case"),
    path("<int:pk>/hold/", views.hold, name="hold"),
    path("<int:pk>/leave/", views.leave, name="leave"),
    path("<int:pk>/back/", views.send_back, name="send_back"),
    path("<int:pk>/example/", views.example, name="example"),
    path("<int:pk>/priority/", views.priority, name="priority"),
    path("rounds/<int:pk>/rules/", views.rules, name="rules"),
    path("rounds/<int:pk>/bulk/", views.bulk, name="bulk"),
]
