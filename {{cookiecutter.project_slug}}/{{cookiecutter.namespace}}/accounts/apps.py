"""Users: a model of the project's own from its first migration on."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, managed at /admin/accounts/user/."""

    name = "{{ cookiecutter.namespace }}.accounts"
