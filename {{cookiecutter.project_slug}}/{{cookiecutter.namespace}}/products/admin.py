"""Products in the admin.

https://docs.djangoproject.com/en/stable/ref/contrib/admin/
"""

from django.contrib import admin

from .models import Product


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Lists what a shopkeeper looks for."""

    list_display = ["name", "stock", "price"]
    search_fields = ["name"]
