"""What people type about themselves and each other."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from auditor.accounts.actions import must_wait, note_failed_sign_in
from auditor.accounts.models import ROLE_OF_SCOPE, Membership, Role, Scope


class SignInForm(AuthenticationForm):
    """Address and password."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as it came
        self.fields["username"].label = "E-mail address"
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autocomplete": "username", "autofocus": True}
        )
        self.error_messages["invalid_login"] = "This address and password do not go together."

    def clean(self) -> dict[str, Any]:
        """Refuse an address that failed too often of late, before its password is looked at."""
        email = self.cleaned_data.get("username", "")
        if must_wait(email=email):
            raise forms.ValidationError(
                "Too many wrong passwords for this address. Wait a quarter of an hour, or ask for a reset link."
            )
        try:
            return super().clean()
        except forms.ValidationError:
            note_failed_sign_in(email=email)
            raise


class PasswordForm(forms.Form):
    """A new password."""

    password = forms.CharField(
        label="New password",
        strip=False,
        help_text="At least 10 characters; a sentence is easy to remember.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class JoinForm(PasswordForm):
    """A new person, from an invitation."""

    name = forms.CharField(
        max_length=150, label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
    field_order = ["name", "email", "password"]


class InviteForm(forms.Form):
    """Who is invited, as what."""

    role = forms.TypedChoiceField(
        choices=[(role.value, role.label) for role in Role], coerce=int, initial=Role.REVIEWER.value
    )
    email = forms.EmailField(
        required=False,
        label="For",
        help_text="A note to yourself: no mail is sent. Pass the link on.",
    )


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.TypedChoiceField(choices=Role.choices, coerce=int)


SCOPE_WORDS = {
    Scope.READ: "Read: see what you see",
    Scope.REVIEW: "Review: also label, adjudicate and discuss as you",
    Scope.MANAGE: "Manage: also open rounds, change codebooks and draw samples",
}


class TokenForm(forms.Form):
    """What a token is for, and how far it reaches: at most as far as the member."""

    name = forms.CharField(max_length=100, label="Program", help_text="What will use it: “nightly export”.")
    scope = forms.TypedChoiceField(coerce=int, label="May")
    days = forms.IntegerField(
        min_value=1, max_value=3650, required=False, label="Days it lasts", help_text="Empty: until revoked."
    )

    def __init__(self, *args: Any, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scope"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (scope.value, SCOPE_WORDS[scope]) for scope in Scope if membership.at_least(ROLE_OF_SCOPE[scope])
        ]
