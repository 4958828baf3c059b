"""Users in the admin.

https://docs.djangoproject.com/en/stable/topics/auth/customizing/#custom-users-and-django-contrib-admin
"""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from .models import User

admin.site.register(User, UserAdmin)
