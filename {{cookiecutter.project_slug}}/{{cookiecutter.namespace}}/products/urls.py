"""The URLs of products, below /api/products/.

https://www.django-rest-framework.org/api-guide/routers/
"""

from rest_framework.routers import SimpleRouter

from .views import ProductViewSet

router = SimpleRouter(use_regex_path=False)
router.register("", ProductViewSet)
urlpatterns = router.urls
