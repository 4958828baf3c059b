"""How a product is written and read.

https://www.django-rest-framework.org/api-guide/serializers/#modelserializer
"""

from rest_framework.serializers import ModelSerializer

from .models import Product


class ProductSerializer(ModelSerializer[Product]):
    """A product in JSON; the price is a string, so that no digit is lost."""

    class Meta:
        model = Product
        fields = ["id", "name", "stock", "price"]
