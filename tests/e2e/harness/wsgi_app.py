"""A WSGI application of the standard library that tells its variables, one a line.

    python3 wsgi_app.py PORT
"""

import sys
from wsgiref.simple_server import make_server


def tell(environment, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    lines = [f"{name}={value}\n" for name, value in environment.items() if name.startswith("HTTP_")]
    return [line.encode("latin-1") for line in lines]


make_server("127.0.0.1", int(sys.argv[1]), tell).serve_forever()
