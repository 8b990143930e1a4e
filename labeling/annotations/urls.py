from django.urls import path

from labeling.annotations import heat_views, touched_views, views

app_name = "annotations"
urlpatterns = [
    path("", views.home, name="home"),
    path("<int:pk>/", views.desk, name="desk"),
    path("<int:pk>/next/", views.take, name="next"),
    path("<int:pk>/mine/", views.mine, name="mine"),
    path("item/<int:pk>/", views.item, name="item"),
    path("item/<int:pk>/draft/", views.draft, name="draft"),
    path("item/<int:pk>/commit/", views.commit, name="commit"),
    path("item/<int:pk>/skip/", views.skip, name="skip"),
    path("item/<int:pk>/alive/", views.alive, name="alive"),
    path("item/<int:pk>/ahead/", views.ahead, name="ahead"),
    path("item/<int:pk>/heat/", heat_views.heat, name="heat"),
    path("item/<int:pk>/features/", heat_views.features, name="features"),
    path("touched/<int:pk>/", touched_views.by_version, name="touched"),
    path("touched/<int:pk>/again/", touched_views.label_again, name="label_again"),
    path("touched/draft/<int:pk>/", touched_views.by_draft, name="touched_by_draft"),
]
