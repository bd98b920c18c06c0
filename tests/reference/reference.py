import uuid, django
from django.conf import settings
HERE, DRF = __name__, "rest_framework."
settings.configure(
    DEBUG=False, SECRET_KEY="x" * 50, ALLOWED_HOSTS=["*"], ROOT_URLCONF=HERE, APPEND_SLASH=True,
    USE_TZ=True, TIME_ZONE="UTC", USE_I18N=False,
    USE_X_FORWARDED_HOST=True, SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "drf_spectacular"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware",
                "django.middleware.clickjacking.XFrameOptionsMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "reference.sqlite3"}},
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": [DRF + "renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": [DRF + "parsers.JSONParser"],
        "DEFAULT_AUTHENTICATION_CLASSES": [HERE + ".ApiKeyAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": [DRF + "permissions.IsAuthenticated", HERE + ".HasScope"],
        "DEFAULT_THROTTLE_CLASSES": [DRF + "throttling.UserRateThrottle"],
        "DEFAULT_THROTTLE_RATES": {"user": "120/min"},
        "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
        "EXCEPTION_HANDLER": HERE + ".exception_handler",
    },
    SPECTACULAR_SETTINGS={"TITLE": "Outset API", "VERSION": "0.1.0"},
)
django.setup()
from django.db import connection, models
from django.http import Http404
from django.urls import include, path
from rest_framework import authentication, exceptions, permissions
KEYS = {"good": {"studies:read", "studies:write"}, "reader": {"studies:read"}}  # test keys of the reference only

class Caller:
    is_authenticated = True
    def __init__(self, key): self.pk = key

class ApiKeyAuthentication(authentication.BaseAuthentication):
    def authenticate_header(self, request): return "Api-Key"
    def authenticate(self, request):
        parts = request.META.get("HTTP_AUTHORIZATION", "").split()
        if not parts or parts[0].lower() != "api-key": return None
        if len(parts) != 2 or parts[1] not in KEYS: raise exceptions.AuthenticationFailed()
        return Caller(parts[1]), KEYS[parts[1]]

class HasScope(permissions.BasePermission):
    def has_permission(self, request, view):
        return ("studies:read" if request.method in permissions.SAFE_METHODS else "studies:write") in request.auth
# these imports read the settings above, so they stand after the classes that the settings name
from drf_spectacular.views import SpectacularAPIView
from rest_framework import mixins, pagination, routers, serializers, views, viewsets

class Study(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    active = models.BooleanField(default=False)
    completion_url = models.URLField(max_length=2048, null=True, blank=True)
    name = models.CharField(max_length=255)
    status = models.CharField(max_length=16, default="draft")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    class Meta:
        app_label = "reference"
        ordering = ["-created_at", "id"]

class StudySerializer(serializers.ModelSerializer):
    share_url = serializers.SerializerMethodField()
    class Meta:
        model = Study
        fields = ["id", "active", "completion_url", "name", "status", "created_at", "updated_at", "share_url"]
        read_only_fields = ["id", "name", "status", "created_at", "updated_at"]
    def get_share_url(self, study) -> str:
        return self.context["request"].build_absolute_uri(f"/interviews/public-surveys/{study.pk}/start/")
    def validate_completion_url(self, value): return value or None      # "" is stored as null

class Pagination(pagination.PageNumberPagination):
    page_size, page_size_query_param, max_page_size = 10, "page_size", 100

class StudyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.UpdateModelMixin, viewsets.GenericViewSet):
    queryset, serializer_class, pagination_class = Study.objects.all(), StudySerializer, Pagination
    http_method_names = ["get", "patch", "head", "options"]

def flatten(detail, field=None):
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from flatten(value, None if key == "non_field_errors" else key)
    elif isinstance(detail, list):
        for value in detail: yield from flatten(value, field)
    else:
        yield {"field": field, "detail": str(detail), "code": detail.code}

def exception_handler(exc, context):
    response = views.exception_handler(exc, context)       # status and headers stay DRF's
    if response is not None:
        if isinstance(exc, Http404): exc = exceptions.NotFound()
        response.data = {"status": "error", "errors": list(flatten(exc.detail))}
    return response
router = routers.SimpleRouter()
router.register("studies", StudyViewSet)
schema = SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[], throttle_classes=[])
urlpatterns = [path("v1/", include(router.urls)), path("v1/schema/", schema)]
if Study._meta.db_table not in connection.introspection.table_names():
    with connection.schema_editor() as editor: editor.create_model(Study)
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
