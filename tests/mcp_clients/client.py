"""The official client of PyPI through its whole flow: as client.mjs, whose words it takes and gives.

    python client.py '{"mode": "auto" | "legacy", "url": "http://127.0.0.1:1/mcp",
                       "registered": "mcp-client" | null, "calls": [["echo", {"text": "x"}]]}'

`auto` asks the server which revisions it speaks, `legacy` is what clients did before 2026-07-28. NODE is the
program that runs person.mjs, who signs in.
"""

import asyncio
import base64
import json
import os
import pathlib
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.oauth2 import AuthorizationCodeResult
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata

PERSON = pathlib.Path(__file__).parents[2] / "demo/provider/person.mjs"
REDIRECT = "http://127.0.0.1:19300/callback"
METADATA = {
    "client_name": "python",
    "application_type": "native",
    "redirect_uris": [REDIRECT],
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
}

wanted = json.loads(sys.argv[1])
told = {"http": [], "asked": [], "calls": []}


class Storage:
    """What the client keeps, in memory."""

    def __init__(self):
        known = wanted["registered"]
        self.tokens = None
        self.client = OAuthClientInformationFull(client_id=known, **METADATA) if known else None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Person:
    """Who signs in where the client says."""

    async def visit(self, target):
        asked = parse_qs(urlsplit(target).query)
        told["asked"].append({
            "scope": asked["scope"][0],
            "resource": asked["resource"][0],
            "pkce": asked["code_challenge_method"][0],
        })
        command = [os.environ["NODE"], str(PERSON), target]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        self.back = {name: values[0] for name, values in parse_qs(urlsplit(done.stdout.strip()).query).items()}

    async def code(self):
        if "error" in self.back:
            raise RuntimeError(f"the provider says {self.back['error']}: {self.back['error_description']}")
        return AuthorizationCodeResult(code=self.back["code"], state=self.back["state"], iss=self.back.get("iss"))


async def recorded(answer):
    request = answer.request
    names = [request.headers.get("mcp-method"), request.headers.get("mcp-name")]
    line = [request.method, request.url.path, *names, str(answer.status_code)]
    told["http"].append(" ".join(part for part in line if part))


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


async def main():
    storage, person = Storage(), Person()
    auth = OAuthClientProvider(
        server_url=wanted["url"],
        client_metadata=OAuthClientMetadata(**METADATA),
        storage=storage,
        redirect_handler=person.visit,
        callback_handler=person.code,
    )
    async with httpx2.AsyncClient(auth=auth, timeout=30, event_hooks={"response": [recorded]}) as http:
        transport = streamable_http_client(wanted["url"], http_client=http)
        async with Client(transport, mode=wanted["mode"]) as client:
            told["revision"] = client.protocol_version
            told["tools"] = [tool.name for tool in (await client.list_tools()).tools]
            for tool, given in wanted["calls"]:
                answer = await client.call_tool(tool, given)
                told["calls"].append(json.loads(answer.content[0].text))
    token = claims(storage.tokens.access_token)
    told["token"] = {"audience": token["aud"], "scope": token["scope"]}


def causes(error):
    """What went wrong, without the groups around it."""
    if isinstance(error, BaseExceptionGroup):
        return [cause for each in error.exceptions for cause in causes(each)]
    return [f"{type(error).__name__}: {error}"]


try:
    asyncio.run(asyncio.wait_for(main(), 60))
except Exception as error:
    told["failed"] = "; ".join(causes(error))
print(json.dumps(told))
