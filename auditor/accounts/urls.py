from django.urls import path

from auditor.accounts import views, views_tokens

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("link/<str:token>/", views.link, name="link"),
    path("reset/<str:token>/", views.reset, name="reset"),
    path("invitation/<str:token>/", views.invitation, name="invitation"),
    path("account/", views.profile, name="profile"),
    path("p/<slug:project>/people/", views.people, name="people"),
    path("p/<slug:project>/people/invite/", views.invite, name="invite"),
    path("p/<slug:project>/people/invitations/<int:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("p/<slug:project>/people/<int:pk>/reset-link/", views.reset_link, name="reset_link"),
    path("p/<slug:project>/people/<int:pk>/role/", views.change_role, name="change_role"),
    path("p/<slug:project>/people/<int:pk>/active/", views.set_active, name="set_active"),
    path("p/<slug:project>/people/tokens/", views_tokens.tokens, name="tokens"),
    path("p/<slug:project>/people/tokens/<int:pk>/revoke/", views_tokens.revoke, name="revoke_token"),
    path("p/<slug:project>/ledger/", views.ledger, name="ledger"),
]
