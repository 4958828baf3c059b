"""The example application: products with a stock and a price."""

from django.apps import AppConfig


class ProductsConfig(AppConfig):
    """Products, listed and created at /api/products/."""

    name = "{{ cookiecutter.namespace }}.products"
