// A server of MCP behind the proxy: npm's official one with two tools, at /mcp of the demo's upstream. It
// knows nothing of tokens; who calls, it reads in the headers that Tollgate writes.

import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

const inputSchema = z.object({ id: z.number() });

/** What a tool answers, with what came of whoever called. */
function answer(text, headers) {
  const credential = headers.has('authorization') ? 'a credential' : 'no credential';
  const saw = `the server saw x-tollgate-identity: ${headers.get('x-tollgate-identity')} and ${credential}`;
  return { content: [{ type: 'text', text: `${text}; ${saw}` }] };
}

const handler = createMcpHandler(({ requestInfo: { headers } }) => {
  const server = new McpServer({ name: 'orders', version: '1.0.0' });
  server.registerTool('look_up_order', { description: 'Says where an order is.', inputSchema },
    ({ id }) => answer(`order ${id} is on its way`, headers));
  server.registerTool('cancel_order', { description: 'Cancels an order.', inputSchema },
    ({ id }) => answer(`order ${id} is cancelled`, headers));
  return server;
});

/** Answers a request of Node's with its body, which has come whole. */
export async function answerTools(req, res, body) {
  const request = new Request(`http://127.0.0.1${req.url}`, {
    method: req.method,
    headers: Object.entries(req.headers).flatMap(([name, value]) => [value].flat().map((each) => [name, each])),
    ...(body.length === 0 ? {} : { body }),
  });
  const answered = await handler.fetch(request);
  res.writeHead(answered.status, Object.fromEntries(answered.headers));
  for await (const chunk of answered.body ?? []) res.write(chunk);
  res.end();
}
