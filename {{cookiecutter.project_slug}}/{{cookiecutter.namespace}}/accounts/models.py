"""Who a user is: AUTH_USER_MODEL, which no project can change once it has data.

https://docs.djangoproject.com/en/stable/topics/auth/customizing/#using-a-custom-user-model-when-starting-a-project
"""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A user as Django has one, to which fields can be added."""
