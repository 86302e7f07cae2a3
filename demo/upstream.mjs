// The API behind the proxy: answers every request with what it received, as JSON. At /mcp is a server of
// the Model Context Protocol.
//
// Settings from the environment: PORT (8080). It listens on loopback.

import http from 'node:http';
import { answerTools } from './mcp/server.mjs';

const PORT = Number(process.env.PORT ?? 8080);

/** Repeated headers stay visible, which req.headers would merge: each name has its list of values. */
function received(req) {
  const headers = {};
  for (let at = 0; at < req.rawHeaders.length; at += 2) {
    (headers[req.rawHeaders[at].toLowerCase()] ??= []).push(req.rawHeaders[at + 1]);
  }
  return { method: req.method, path: req.url, headers };
}

let answered = 0;

const server = http.createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    const body = Buffer.concat(chunks);
    if (req.url === '/mcp') {
      answerTools(req, res, body).catch((error) => {
        console.error(error);
        res.destroy();
      });
      return;
    }
    answered += 1;
    res.writeHead(200, { 'content-type': 'application/json', 'x-upstream-count': String(answered) });
    res.end(`${JSON.stringify({ ...received(req), body_bytes: body.length }, null, 2)}\n`);
  });
});

// A connection that the proxy keeps is never closed under a request that is on its way.
server.keepAliveTimeout = 0;
server.once('error', (error) => {
  console.error(`the upstream cannot listen: ${error.message}`);
  process.exit(1);
});
server.listen(PORT, '127.0.0.1', () => console.log(`upstream on 127.0.0.1:${PORT}`));
