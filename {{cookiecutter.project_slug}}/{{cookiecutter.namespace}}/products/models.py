"""What a product is.

https://docs.djangoproject.com/en/stable/topics/db/models/
"""

from django.core.validators import MinValueValidator
from django.db import models


class Product(models.Model):
    """Something for sale: how many there are, and what one costs."""

    name = models.CharField(max_length=200)
    stock = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(0)])

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name
