// Gives every request a token, which the conformance suite cannot, and passes it on as it came.
//
// Settings from the environment: PORT, TO (the port of the gateway), TOKEN.
import http from 'node:http';

const { PORT, TO, TOKEN } = process.env;

const server = http.createServer((req, res) => {
  const headers = [...req.rawHeaders, 'Authorization', `Bearer ${TOKEN}`];
  const onwards = http.request({ host: '127.0.0.1', port: TO, method: req.method, path: req.url, headers, agent: false });
  onwards.on('response', (answer) => {
    res.writeHead(answer.statusCode, answer.rawHeaders);
    res.flushHeaders();
    answer.pipe(res);
  });
  onwards.on('error', () => res.destroy());
  res.on('close', () => onwards.destroy());
  req.pipe(onwards);
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${PORT}`));
