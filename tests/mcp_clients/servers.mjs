// Official servers of MCP with the same two tools, each on a port of its own on loopback: the npm package
// `@modelcontextprotocol/server` (2026-07-28, and older revisions without sessions) on NEWER_PORT, and
// `@modelcontextprotocol/sdk` (2025-11-25) on OLDER_PORT. None of them knows of tokens. Below /suite the
// newer one is what the conformance suite asks for.

import http from 'node:http';
import { createMcpHandler, hostHeaderValidationResponse, localhostAllowedHostnames, localhostAllowedOrigins, McpServer, originValidationResponse } from '@modelcontextprotocol/server';
import { McpServer as OlderServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';
import { forTheSuite } from './suite.mjs';

/** What a tool answers: a text, and what the server was told of the caller by headers. */
const answer = (text, header) => {
  const said = { text, identity: header('x-tollgate-identity'), credential: header('authorization') !== undefined };
  return { content: [{ type: 'text', text: JSON.stringify(said) }] };
};

function withTools(server, headersOf) {
  server.registerTool('echo', { description: 'says it again', inputSchema: z.object({ text: z.string() }) },
    async ({ text }, context) => answer(text, headersOf(context)));
  server.registerTool('danger', { description: 'not for everybody', inputSchema: z.object({}) },
    async (_nothing, context) => answer('boom', headersOf(context)));
  return server;
}

const ABOUT = { name: 'tools', version: '1.0.0' };

async function bodyOf(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// ---- the newer: a function from a request to an answer ----------------------------------------

const handler = createMcpHandler(({ requestInfo }) =>
  withTools(new McpServer(ABOUT), () => (name) => requestInfo?.headers.get(name) ?? undefined));

const suite = createMcpHandler(forTheSuite);

async function newer(req, res) {
  const body = await bodyOf(req);
  const request = new Request(`http://127.0.0.1${req.url}`, {
    method: req.method,
    headers: Object.entries(req.headers).flatMap(([name, value]) => [value].flat().map((each) => [name, each])),
    ...(body.length === 0 ? {} : { body }),
  });
  const judged = req.url.startsWith('/suite') ? suite : handler;
  // As that package would have it on a developer's machine, against other pages' scripts.
  const refused = hostHeaderValidationResponse(request, localhostAllowedHostnames()) ?? originValidationResponse(request, localhostAllowedOrigins());
  const answered = refused ?? await judged.fetch(request);
  res.writeHead(answered.status, Object.fromEntries(answered.headers));
  for await (const chunk of answered.body ?? []) res.write(chunk);
  res.end();
}

// ---- the older: a transport for each request, without sessions --------------------------------

async function older(req, res) {
  const server = withTools(new OlderServer(ABOUT), (context) => (name) => context.requestInfo.headers[name]);
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  res.on('close', () => { transport.close(); server.close(); });
  await server.connect(transport);
  const body = await bodyOf(req);
  await transport.handleRequest(req, res, body.length === 0 ? undefined : JSON.parse(body));
}

for (const [serve, port] of [[newer, process.env.NEWER_PORT], [older, process.env.OLDER_PORT]]) {
  const server = http.createServer((req, res) => {
    serve(req, res).catch((error) => {
      console.error(error);
      if (res.headersSent) res.destroy();
      else res.writeHead(500).end();
    });
  });
  // A connection that the proxy keeps is never closed under a request that is on its way.
  server.keepAliveTimeout = 0;
  server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${port}`));
}
