from django.urls import path

from auditor.webhooks import views

app_name = "webhooks"
urlpatterns = [
    path("", views.subscriptions, name="list"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.subscription, name="subscription"),
    path("<int:pk>/switch/", views.switch, name="switch"),
    path("<int:pk>/remove/", views.remove, name="remove"),
    path("deliveries/<int:pk>/send-again/", views.send_again, name="send_again"),
]
