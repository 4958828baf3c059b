"""The API of products; each operation logs its start and its outcome.

https://www.django-rest-framework.org/api-guide/generic-views/#listcreateapiview
"""

from typing import Any

from rest_framework.generics import ListCreateAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ..logging_helper import log_operation
from .models import Product
from .serializers import ProductSerializer


class ProductListView(ListCreateAPIView[Product]):
    """List products page by page, or create one."""

    queryset = Product.objects.all()
    serializer_class = ProductSerializer

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return a page of products."""
        with log_operation("fetch_products") as outcome:
            response = super().list(request, *args, **kwargs)
            outcome["count"] = len(response.data["results"])
        return response

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a product, or refuse the input."""
        with log_operation("create_product") as outcome:
            response = super().create(request, *args, **kwargs)
            outcome["id"] = response.data["id"]
        return response
