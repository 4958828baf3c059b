"""How a product is written and read.

https://www.django-rest-framework.org/api-guide/serializers/#modelserializer
"""

from django.db.models import CharField
from rest_framework.serializers import ModelSerializer

from ..api.limits import TextField
from .models import Product


class ProductSerializer(ModelSerializer[Product]):
    """A product in JSON; the price is a string, so that no digit is lost."""

    serializer_field_mapping = {**ModelSerializer.serializer_field_mapping, CharField: TextField}

    class Meta:
        model = Product
        fields = ["id", "name", "stock", "price"]
