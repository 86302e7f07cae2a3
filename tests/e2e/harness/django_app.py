"""A Django application that tells how Django read a request.

    python3 django_app.py PORT

Every request is answered 200 with {"method", "path", "query", "host", "headers", "body"}: the method
in Django's capitals, the path percent-decoded, the query as it came, the names of headers as WSGI
has them (HTTP_X_TOLLGATE_IDENTITY).
"""

import sys

from django.conf import settings
from django.core.servers.basehttp import WSGIServer, run
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import re_path

settings.configure(ALLOWED_HOSTS=["*"], DEBUG=False, MIDDLEWARE=[], ROOT_URLCONF=__name__,
                   SECRET_KEY="a key that nothing is signed with", USE_TZ=True)


def tell(request):
    headers = {name: value for name, value in request.META.items() if name.startswith("HTTP_")}
    return JsonResponse({"method": request.method, "path": request.path,
                         "query": request.META["QUERY_STRING"], "host": request.META.get("HTTP_HOST"),
                         "headers": headers, "body": request.body.decode("latin-1")})


urlpatterns = [re_path("", tell)]
run("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), threading=True, server_cls=WSGIServer)
