"""The API of products; each operation logs its start and its outcome.

https://www.django-rest-framework.org/api-guide/viewsets/#modelviewset
"""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from ..logging_helper import log_operation
from .models import Product
from .serializers import ProductSerializer
{%- if cookiecutter.task_queue != "none" %}
from .tasks import check_later
{%- endif %}


class ProductViewSet(ModelViewSet[Product]):
    """Products; ?search= and ?ordering= work on these fields."""

    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    lookup_value_converter = "int"
    search_fields = ["name"]
    ordering_fields = ["id", "name", "stock", "price"]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List products, page by page."""
        with log_operation("fetch_products") as outcome:
            response = super().list(request, *args, **kwargs)
            outcome["count"] = len(response.data["results"])
        return response

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a product."""
        with log_operation("create_product") as outcome:
            response = super().create(request, *args, **kwargs)
            outcome["id"] = response.data["id"]
{%- if cookiecutter.task_queue != "none" %}
        check_later(response.data["id"])
{%- endif %}
        return response

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one product."""
        with log_operation("retrieve_product") as outcome:
            response = super().retrieve(request, *args, **kwargs)
            outcome["id"] = response.data["id"]
        return response

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Replace all that a product holds."""
        with log_operation("update_product") as outcome:
            response = super().update(request, *args, **kwargs)
            outcome["id"] = response.data["id"]
        return response

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the fields that are sent, and keep the others: an update, too."""
        return super().partial_update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete a product."""
        with log_operation("delete_product") as outcome:
            response = super().destroy(request, *args, **kwargs)
            outcome["id"] = kwargs["pk"]  # known to exist, once it is deleted
        return response
