// The story on the terminal: one step after the other, each with the request, the answer and the
// reason, each held to what it says. The first step that does not come out as told ends it with 1.
//
// It talks to parts that are up already: demo/run.sh or docker-compose.yml starts them.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { Application } from './mcp/client.mjs';
import { signIn } from './provider/person.mjs';

const at = (port) => `http://127.0.0.1:${port}`;
const PROVIDER = at(process.env.PROVIDER_PORT ?? 9000);
const ISSUER = `${PROVIDER}/oauth2/default`;
const CONTROL = at(process.env.CONTROL_PORT ?? 9001);
const API = at(process.env.API_PORT ?? 10000);
const ADMIN = at(process.env.ADMIN_PORT ?? 9901);
const ENVOY_LOG = 'target/demo/envoy.log';
const MISTAKE_LOG = 'target/demo/mistake.log';
const TOLLGATE = 'target/quick/tollgate';
const AUDIENCE = 'https://api.example';
/** The server of MCP, which is what its clients ask tokens for. */
const TOOLS = `${API}/mcp`;
/** The partner's API key, whose hash is in demo/tollgate.json. */
const API_KEY = 'acme-key-of-the-demo';
/** The key of the operator's page, likewise. */
const STATUS_KEY = 'demo-status-key';

// ---- how it looks --------------------------------------------------------------------------

const coloured = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code) => (text) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
const [bold, dim, red, green] = [1, 2, 31, 32].map(paint);
const plain = (text) => text;

const say = (text = '') => console.log(text);
const line = (label, text) => say(`   ${dim(label.padEnd(4))} ${text}`);

/** Enough of a token to know it again, too little to use it. */
const shortened = (token) => `${token.slice(0, 12)}…${token.slice(-6)}`;

/** As much of a line as most terminals have room for. */
const cut = (text) => (text.length > 100 ? `${text.slice(0, 99)}…` : text);

// ---- what must be true ---------------------------------------------------------------------

class NotAsTold extends Error {}

function expect(what, found, expected) {
  if (JSON.stringify(found) === JSON.stringify(expected)) return;
  throw new NotAsTold(`${what}\n   expected  ${JSON.stringify(expected)}\n   found     ${JSON.stringify(found)}`);
}

function expectMatch(what, found, pattern) {
  if (pattern.test(found ?? '')) return;
  throw new NotAsTold(`${what}\n   expected  ${pattern}\n   found     ${JSON.stringify(found)}`);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- talking to the parts ------------------------------------------------------------------

/** One request; never through a proxy, never reusing a connection. Rejects after ten seconds. */
function request(method, url, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request(url, { method, headers, agent: false, timeout: 10_000 }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
      res.on('error', reject).on('end', () => resolve({ status: res.statusCode, headers: res.headers, text }));
    });
    req.on('timeout', () => req.destroy(new Error(`${method} ${url}: no answer within 10 seconds`)));
    req.on('error', reject).end(body);
  });
}

async function control(path, body) {
  const { status, text } = await request(path === '/hits' ? 'GET' : 'POST', CONTROL + path, { body });
  expect(`the provider's control port, ${path}`, status, 200);
  return JSON.parse(text);
}

const keyFetches = async () => (await control('/hits'))['/oauth2/default/v1/keys'] ?? 0;

/** Fetches a token by client credentials, as any client would. */
async function tokenFor(client, resource = AUDIENCE, scope = 'orders:read') {
  const { status, text } = await request('POST', `${ISSUER}/v1/token`, {
    headers: {
      authorization: `Basic ${Buffer.from(`${client}:${client}-secret`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope, resource }).toString(),
  });
  line('>', `POST /oauth2/default/v1/token  client=${client} grant_type=client_credentials scope="${scope}" resource=${resource}`);
  expect('the token endpoint', status, 200);
  const token = JSON.parse(text).access_token;
  const header = decoded(token, 0);
  line('<', `200  a token signed with ${header.alg}, key ${header.kid.slice(0, 8)}…`);
  return token;
}

const decoded = (token, part) => JSON.parse(Buffer.from(token.split('.')[part], 'base64url').toString());

/** What a caller shows: nothing, a token, or `{ token, key }`, the key being an API key. */
const shown = (who = {}) => (typeof who === 'string' ? { token: who } : who);

/** Calls the API with what the caller shows; `target` is `GET /path`. */
function send(target, who) {
  const [method, path] = target.split(' ');
  const { token, key } = shown(who);
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(key === undefined ? {} : { 'x-api-key': key }),
  };
  return request(method, API + path, { headers });
}

/** The same, and tells of it. */
async function call(target, who) {
  const answer = await send(target, who);
  const { token, key } = shown(who);
  const bearer = token === undefined ? '' : `  authorization: Bearer ${shortened(token)}`;
  line('>', `${target}${key === undefined ? '' : `  x-api-key: ${key}`}${bearer}`);
  return answer;
}

/** The answer's status, green where it is the right one, and those of the headers that it has. */
function answered(answer, status, headers = []) {
  const present = headers.filter((name) => answer.headers[name] !== undefined).map((name) => `  ${name}: ${answer.headers[name]}`);
  line('<', (answer.status === status ? green : red)(answer.status) + present.join(''));
  if (answer.status !== status) line('', red(answer.text.trim()));
  expect('the status', answer.status, status);
}

/** The request went through: shows what the upstream received. */
async function allowed(target, who, identity) {
  const answer = await call(target, who);
  answered(answer, 200);
  const { headers } = JSON.parse(answer.text);
  const seen = (name) => `${name}: ${headers[name]}`;
  const kept = ['authorization', 'x-api-key'].filter((name) => headers[name]);
  line('', `the upstream saw ${seen('x-tollgate-identity')}, ${seen('x-tollgate-provider')} and ${kept.length ? red(kept.map(seen)) : 'no credential'}`);
  expect('the identity that the upstream saw', headers['x-tollgate-identity'], [identity]);
  expect('the provider that the upstream saw', headers['x-tollgate-provider'], ['okta']);
  expect('the token that the upstream saw', headers.authorization, undefined);
  expect('the key that the upstream saw', headers['x-api-key'], undefined);
}

/** The request was refused: shows the answer, and the reason from the operator's log. */
async function refused(target, who, { status, code, challenge }) {
  const answer = await call(target, who);
  answered(answer, status, ['www-authenticate', 'retry-after', 'ratelimit']);
  line('', answer.text.trim());
  const body = JSON.parse(answer.text);
  expect('the code in the answer', body.code, code);
  expect('whether caches may keep the answer', answer.headers['cache-control'], 'no-store');
  expect('the challenge', answer.headers['www-authenticate'], challenge);
  const logged = await logLine(body.request_id);
  line('log', `step ${logged.step}: ${logged.reason}`);
  line('', `what to do: ${logged.remedy}`);
  expect('the code in the log', logged.code, code);
  expect('the mode in the log', logged.mode, 'enforce');
  const log = readFileSync(ENVOY_LOG, 'utf8');
  if (Object.values(shown(who)).some((secret) => log.includes(secret))) {
    throw new NotAsTold('the log\n   expected  no credential in it\n   found     this one');
  }
  return answer;
}

/** Calls until a limit refuses, which it has to after `most` requests. */
async function spend(client, most, limit, refusal) {
  const token = await tokenFor(client);
  line('>', `GET /orders/7, ${most} times  authorization: Bearer ${shortened(token)}`);
  for (let left = most - 1; left >= 0; left -= 1) {
    const answer = await send('GET /orders/7', token);
    answered(answer, 200, ['ratelimit-policy', 'ratelimit']);
    expectMatch('the limit that the client is told', answer.headers['ratelimit-policy'], new RegExp(`^"${limit}";q=${most};w=\\d+$`));
    expectMatch('what the client is told to be left', answer.headers.ratelimit, new RegExp(`^"${limit}";r=${left};t=\\d+$`));
  }
  const answer = await refused('GET /orders/7', token, { status: 429, ...refusal });
  expectMatch('when the client is told to come again', answer.headers['retry-after'], /^[1-9]\d*$/);
}

/** A client of MCP whose requests at the server are told, and how the last one was refused that had a token. */
function application() {
  const seen = { read: [] };
  const told = {
    asked: async ({ method, url, headers, answer }) => {
      if (url.href !== TOOLS) {
        if (method === 'GET') seen.read.push(url.href);
        return;
      }
      const called = ['mcp-method', 'mcp-name'].map((name) => headers.get(name)).filter(Boolean).join(' ');
      const token = headers.get('authorization')?.slice('Bearer '.length);
      line('>', `POST /mcp  ${called}${token ? `  authorization: Bearer ${shortened(token)}` : ''}`);
      const challenge = answer.headers.get('www-authenticate');
      line('<', (answer.ok ? green : plain)(answer.status) + (challenge ? `  www-authenticate: ${challenge}` : ''));
      if (answer.ok || !token) return;
      Object.assign(seen, { status: answer.status, challenge });
      const logged = await logLine((await answer.clone().json()).request_id);
      line('log', `step ${logged.step}: ${logged.reason}`);
      line('', `what to do: ${logged.remedy}`);
      expect('the code in the log', logged.code, 'scope_insufficient');
      expect('the tool in the log', [logged.mcp_method, logged.mcp_name], ['tools/call', 'cancel_order']);
    },
    agreed: ({ scope, resource }) => {
      for (const read of new Set(seen.read)) line('', `the client reads ${read}`);
      line('', `alice signs in and agrees to "${scope}" for ${resource}`);
      Object.assign(seen, { scope, resource, read: [] });
    },
  };
  return { seen, app: new Application(TOOLS, 'mcp-client', ISSUER, told) };
}

/** A browser at the proxy: it keeps cookies, and says of itself what browsers say. */
class Browser {
  cookies = new Map();

  /** Opens a page, or with `script` asks as a script of a page does. */
  async get(path, { script = false, site = 'none' } = {}) {
    const kept = [...this.cookies.values()].filter((one) => path.startsWith(one.path));
    const answer = await request('GET', API + path, {
      headers: {
        accept: script ? '*/*' : 'text/html',
        'sec-fetch-mode': script ? 'cors' : 'navigate',
        'sec-fetch-dest': script ? 'empty' : 'document',
        'sec-fetch-site': script ? 'same-origin' : site,
        ...(kept.length ? { cookie: kept.map(({ pair }) => pair).join('; ') } : {}),
      },
    });
    const written = (answer.headers['set-cookie'] ?? []).map((set) => {
      const [pair, ...attributes] = set.split('; ');
      const name = pair.slice(0, pair.indexOf('='));
      const path = attributes.find((one) => one.startsWith('Path='))?.slice('Path='.length) ?? '/';
      if (attributes.includes('Max-Age=0')) this.cookies.delete(name);
      else this.cookies.set(name, { pair, path });
      return name;
    });
    const to = answer.headers.location ? `  location: ${cut(answer.headers.location)}` : '';
    line('>', `GET ${cut(path)}${script ? '  by a script' : ''}`);
    line('<', `${answer.status < 400 ? green(answer.status) : plain(answer.status)}${to}`);
    return { ...answer, written };
  }

  /** The same, where the application answers. */
  async allowed(path, how) {
    const answer = await this.get(path, how);
    expect('the status', answer.status, 200);
    const { headers } = JSON.parse(answer.text);
    line('', `the upstream saw x-tollgate-identity: ${headers['x-tollgate-identity']} and ${headers.cookie ? red('a cookie') : 'no cookie'}`);
    expect('the identity that the upstream saw', headers['x-tollgate-identity'], ['alice']);
    expect('the cookies that the upstream saw', headers.cookie, undefined);
    return answer;
  }
}

/** Waits until both workers say so: each of 16 new connections gets this status. */
async function everywhere(what, status, target, token) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answers = await Promise.all(Array.from({ length: 16 }, () => send(target, token)));
    const found = answers.map((answer) => answer.status);
    if (found.every((each) => each === status)) return;
    if (Date.now() > deadline) expect(what, found, Array(16).fill(status));
    await sleep(50);
  }
}

/** Tollgate's line about a request, once Envoy has written it. */
async function logLine(requestId) {
  const deadline = Date.now() + 5_000;
  while (Date.now() < deadline) {
    for (const text of readFileSync(ENVOY_LOG, 'utf8').split('\n')) {
      if (requestId && text.includes(requestId) && text.includes('{')) return JSON.parse(text.slice(text.indexOf('{')));
    }
    await sleep(50);
  }
  throw new NotAsTold(`the operator's log\n   expected  a line about request ${requestId} in ${ENVOY_LOG}\n   found     none`);
}

/** Runs the command line, mostly on a token: its exit status and its lines, without colours. */
function tollgate(args, token) {
  const { status, stdout, stderr, error } = spawnSync(TOLLGATE, args, { input: token, encoding: 'utf8', timeout: 20_000 });
  if (error) throw new NotAsTold(`${TOLLGATE}\n   expected  the command line\n   found     ${error.message}`);
  if (token !== undefined && `${stdout}${stderr}`.includes(token)) throw new NotAsTold('the command line\n   expected  no token\n   found     this one');
  return { status, lines: stdout.split('\n').map((text) => text.trim()) };
}

// ---- the story -----------------------------------------------------------------------------

const INVALID = 'Bearer realm="api", error="invalid_token"';
let good;
let admin;
let expired;
let forgedAt;
let loggedIn;
const person = new Browser();

const steps = [
  ['A client fetches a token and calls the API', async () => {
    good = await tokenFor('svc');
    // Nobody is let in before the list of revocations is there, a moment after the start.
    await everywhere('the status at the start', 200, 'GET /orders/7', good);
    await allowed('GET /orders/7', good, 'svc');
  }],

  ['A person logs in to a portal with a browser, by the same provider', async () => {
    const begun = await person.get('/portal/?page=2');
    expect('the status', begun.status, 302);
    expect('where the browser is sent', begun.headers.location.split('?')[0], `${ISSUER}/v1/authorize`);
    const callback = new URL(await signIn(begun.headers.location));
    line('', 'alice signs in and agrees');
    const back = await person.get(callback.pathname + callback.search);
    expect('where the browser is sent', [back.status, back.headers.location], [303, '/portal/?page=2']);
    loggedIn = Date.now();
    await person.allowed('/portal/?page=2');
    for (const [name, { pair }] of person.cookies) line('', `the browser keeps ${name}, ${pair.length} bytes`);
    expect('how many cookies there are', person.cookies.size, 4);
    expect('how many are too long', [...person.cookies.values()].filter(({ pair }) => pair.length > 4000).length, 0);
    line('', 'the API takes the same session from a script of the page');
    await person.allowed('/orders/7', { script: true });
  }],

  ['No token', async () => {
    await refused('GET /orders/7', undefined, { status: 401, code: 'credential_missing', challenge: 'Bearer realm="api"' });
  }],

  ['Somebody changes who the token is about', async () => {
    const [header, , signature] = good.split('.');
    line('', 'its payload says "uid": "admin" now, its signature is still the old one');
    const claims = Buffer.from(JSON.stringify({ ...decoded(good, 1), uid: 'admin' })).toString('base64url');
    await refused('GET /orders/7', `${header}.${claims}.${signature}`, { status: 401, code: 'token_signature_invalid', challenge: INVALID });
    forgedAt = Date.now();
  }],

  ['The token has expired', async () => {
    const now = Math.floor(Date.now() / 1000);
    ({ token: expired } = await control('/sign', JSON.stringify({ claims: { iat: now - 7200, exp: now - 3600 } })));
    await refused('GET /orders/7', expired, { status: 401, code: 'token_expired', challenge: INVALID });
    line('$', 'tollgate decode < token');
    const told = tollgate(['decode'], expired).lines.find((text) => text.startsWith('"exp"'));
    line('', told ?? red('nothing about exp'));
    expectMatch('what the command line says of the time', told, /# expired \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, 1h ago/);
  }],

  ['The token is for another API', async () => {
    const token = await tokenFor('svc', 'https://other.example');
    await refused('GET /orders/7', token, { status: 401, code: 'token_audience_mismatch', challenge: INVALID });
    line('$', 'tollgate explain --config target/demo/tollgate.json --online --path /orders/7 < token');
    const { status, lines } = tollgate(['explain', '--config', 'target/demo/tollgate.json', '--online', '--path', '/orders/7'], token);
    const steps = lines.filter((text) => /^(passed|refused|skipped|waits)/.test(text));
    for (const text of steps) line('', (text.startsWith('refused') ? red : plain)(cut(text)));
    expect('the exit status of the command line', status, 1);
    expectMatch('the last step', steps.at(-1), /^refused +claims/);
    expect('the verdict', lines.find((text) => text.startsWith('code')), 'code     token_audience_mismatch (step claims)');
  }],

  ["Envoy's own RBAC filter uses the identity: /admin is for `admin` alone", async () => {
    const answer = await call('GET /admin/users', good);
    answered(answer, 403);
    line('', answer.text);
    expect('who refused', answer.text, 'RBAC: access denied');
    admin = await tokenFor('admin');
    await allowed('GET /admin/users', admin, 'admin');
  }],

  ['A scope brings a policy: whoever has `orders:write` is a `writer`', async () => {
    await allowed('POST /orders', await tokenFor('svc', AUDIENCE, 'orders:read orders:write'), 'svc');
  }],

  ['A method that the policy does not grant', async () => {
    await refused('POST /orders', good, { status: 403, code: 'access_denied' });
  }],

  ['The rate of the policy `trial`: 2 requests in an hour', async () => {
    await spend('trial', 2, 'rate', { code: 'rate_limited' });
  }],

  ['The quota of the policy `free`: 2 requests in 30 days', async () => {
    await spend('free', 2, 'quota', { code: 'quota_exceeded' });
  }],

  ['The admin leaves, whose token is good for minutes yet', async () => {
    await control('/revoke?identity=admin');
    const published = Date.now();
    line('', `${PROVIDER}/revoked.json names the identity \`admin\``);
    await everywhere('the status once the identity is revoked', 403, 'GET /admin/users', admin);
    line('', `in force in both workers after ${((Date.now() - published) / 1000).toFixed(1)} s`);
    await refused('GET /admin/users', admin, { status: 403, code: 'session_inactive' });
  }],

  ['A partner must show an API key and a token, and the session is the token\'s', async () => {
    line('', 'in the configuration: "auth": [["partner", "okta"]], "session_from": "okta"');
    await allowed('GET /partners/7', { token: good, key: API_KEY }, 'svc');
    for (const [name, alone] of [['key', { key: API_KEY }], ['token', good]]) {
      const { status, text } = await send('GET /partners/7', alone);
      const verdict = `${status} ${JSON.parse(text).code}`;
      line('', `the ${name} alone: ${verdict}`);
      expect(`what the ${name} alone is worth`, verdict, '401 credential_missing');
    }
  }],

  ['Report mode: /reports refuses nothing, and the log says what it would have refused', async () => {
    const answer = await call('GET /reports/7', expired);
    answered(answer, 200);
    const { headers } = JSON.parse(answer.text);
    line('', `the upstream saw authorization: Bearer ${shortened(headers.authorization[0].slice(7))}, everything as it came`);
    expect('the token that the upstream saw', headers.authorization, [`Bearer ${expired}`]);
    expect('the identity that the upstream saw', headers['x-tollgate-identity'], undefined);
    const logged = await logLine(headers['x-request-id'][0]);
    line('log', `mode ${logged.mode}, code ${logged.code}, step ${logged.step}: ${logged.reason}`);
    expect('the mode in the log', logged.mode, 'report');
    expect('the code in the log', logged.code, 'token_expired');
  }],

  ['An MCP client signs in, is refused a tool, and steps up', async () => {
    const { seen, app } = application();
    const revision = await app.connect();
    expect("what the client's user agreed to", seen.scope, 'mcp:tools');
    expect('what the token is for', seen.resource, TOOLS);
    expect('the revision that both speak', revision, '2026-07-28');
    expect('the tools', await app.tools(), ['look_up_order', 'cancel_order']);
    const saw = 'the server saw x-tollgate-identity: alice and no credential';
    const said = await app.call('look_up_order', { id: 7 });
    line('', said);
    expect('what the tool says', said, `order 7 is on its way; ${saw}`);
    const done = await app.call('cancel_order', { id: 7 });
    line('', done);
    expect('what the tool says', done, `order 7 is cancelled; ${saw}`);
    expect('how it was refused at first', seen.status, 403);
    expectMatch('the challenge', seen.challenge, /error="insufficient_scope", scope="mcp:tools mcp:danger"/);
    expect("what the client's user agreed to", seen.scope, 'mcp:tools mcp:danger');
    await app.close();
  }],

  ['The provider changes its signing key', async () => {
    // The forged token was worth a look at the keys; the next one is due after `cooldown`, a second.
    await sleep(forgedAt + 1_500 - Date.now());
    const before = await keyFetches();
    const { kid } = await control('/rotate?alg=RS256');
    line('', `the provider signs with a new key now: ${kid.slice(0, 8)}…`);
    const token = await tokenFor('svc');
    expect('the key that signed the token', decoded(token, 0).kid, kid);
    await allowed('GET /orders/7', token, 'svc');
    for (let more = 0; more < 20; more += 1) {
      const { status } = await send(`GET /orders/${more}`, token);
      expect('the status of a further request', status, 200);
    }
    const fetches = await keyFetches() - before;
    line('', `20 more requests on new connections: all 200; the keys were fetched ${fetches === 1 ? 'once' : `${fetches} times`}`);
    expect('key fetches since the change', fetches, 1);
    good = token;
  }],

  ['The provider goes down', async () => {
    await control('/down');
    try {
      const gone = await request('GET', `${ISSUER}/v1/keys`).then(() => 'an answer', (error) => error.code);
      line('', `GET ${ISSUER}/v1/keys: ${gone}`);
      expect('what the provider says', gone, 'ECONNREFUSED');
      await allowed('GET /orders/7', good, 'svc');
    } finally {
      await control('/up');
    }
  }],

  ['The person is still logged in, by a session that was refreshed, and logs out', async () => {
    line('', 'the provider says that its word is good for a minute; half of that later the filter asks again');
    await sleep(loggedIn + 31_000 - Date.now());
    const calls = async () => (await control('/hits'))['/oauth2/default/v1/token'] ?? 0;
    const before = await calls();
    const renewed = await person.allowed('/portal/');
    line('', `written anew: ${renewed.written.join(', ')}`);
    expect('the calls to the provider', (await calls()) - before, 1);
    expect('whether the session is written anew', renewed.written.includes('__Host-tollgate-okta'), true);

    const copy = new Browser();
    copy.cookies = new Map(person.cookies);
    const out = await person.get('/.login/okta/logout', { site: 'same-origin' });
    expect('where the browser is sent', [out.status, out.headers.location.split('?')[0]], [303, `${ISSUER}/session/end`]);
    expect('what the browser keeps', [...person.cookies.keys()], ['__Host-tollgate-okta-b']);
    line('', 'whoever has copied the cookies is out as well');
    // Every worker has heard of it within a second.
    await sleep(1_500);
    const { status, text } = await copy.get('/portal/', { script: true });
    line('', text.trim());
    expect('the answer to the copy', [status, JSON.parse(text).code], [401, 'login_ended']);
  }],

  ['The mistake that Tollgate was made for: a session provider that provides no session', async () => {
    const lines = readFileSync(MISTAKE_LOG, 'utf8').trimEnd().split('\n');
    line('', 'in the configuration of step 13, one word: "session_from": "oauth_token"');
    line('>', 'envoy --mode validate -c target/demo/mistake.yaml');
    const reason = lines.find((text) => text.includes('apis[3].session_from'));
    const status = lines.at(-1);
    line('<', `${status === 'exit status 0' ? red(status) : green(status)}, refused before any request is served`);
    line('log', reason === undefined ? red('nothing about apis[3].session_from') : reason.replace(/^.*?(?=apis\[3\])/, ''));
    expectMatch('what Envoy did', status, /^exit status [1-9]/);
    line('$', 'tollgate check target/demo/mistake.yaml');
    const checked = tollgate(['check', 'target/demo/mistake.yaml']);
    for (const text of checked.lines.filter((found) => found.includes('session_from'))) line('', text);
    expect('the exit status of the command line', checked.status, 1);
    expect('what the command line says', checked.lines.some((text) => text.includes('apis[3].session_from: `oauth_token` is no provider')), true);
    expectMatch('the line that names the field', reason, /apis\[3\]\.session_from: `oauth_token` is no provider of this API; its branches have: partner, okta/);
  }],
];

const shell = (command, comment) => say(`  ${bold(command.padEnd(comment ? 52 : 0))}${comment ? dim(`  # ${comment}`) : ''}`);

function whatToTry() {
  say('Everything stays up; Ctrl-C ends it. Things to try, in another terminal:');
  say();
  shell(`TOKEN=$(curl -s -u svc:svc-secret -d grant_type=client_credentials -d scope=orders:read ${ISSUER}/v1/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`);
  shell(`curl -i -H "Authorization: Bearer $TOKEN" ${API}/orders/7`);
  shell(`curl -i -H "Authorization: Bearer nonsense" ${API}/orders/7`);
  shell(`curl -i -H "Authorization: Bearer $TOKEN" -H "X-Api-Key: ${API_KEY}" ${API}/partners/7`);
  shell(`curl -i ${API}/health`, 'the one API without authentication');
  shell(`curl -X POST ${CONTROL}/rotate`, 'then fetch a new TOKEN');
  shell(`curl -X POST '${CONTROL}/revoke?identity=svc'`, 'and /restore');
  shell(`curl -X POST ${CONTROL}/down`, 'and /up again');
  shell(`curl ${CONTROL}/hits`, 'what the provider was asked');
  shell(`curl -s '${ADMIN}/stats?filter=tollgate'`, 'what Tollgate counted');
  shell(`curl -s ${ADMIN}/stats/prometheus`, 'the same for Prometheus; Grafana and alerts: dashboards/');
  shell(`tail -f ${ENVOY_LOG}`, 'why something was refused');
  shell(`curl -u ops:${STATUS_KEY} ${API}/.tollgate`, 'the same and more: the page, for a browser');
  say();
  say(`In a browser: ${bold(`${API}/portal/`)} leads to the provider, where any name signs in,`);
  say(`and ${API}/.login/okta/logout back out.`);
  say();
  say(`An MCP client of your own finds the way by itself from ${TOOLS}; any name signs in.`);
  say();
  say('Your own provider: `tollgate init` writes a proxy for it,');
  say('  target/quick/tollgate init --issuer https://example.okta.com/oauth2/default --audience api://orders --for envoy -o deploy');
  say('or in envoy.yaml, give `issuer`, `audiences` and `jwks.url` your values, and the cluster `okta` your');
  say('provider\'s address, with TLS:');
  say();
  for (const text of OWN_CLUSTER) say(`  ${text}`);
  say();
  say(process.env.IN_CONTAINERS
    ? 'Then: docker compose stop envoy && docker compose run --rm --no-deps envoy -c envoy.yaml'
    : 'End this, then: .tools/bin/node demo/upstream.mjs & .tools/bin/envoy -c envoy.yaml');
}

const OWN_CLUSTER = `
- name: okta
  type: STRICT_DNS
  dns_lookup_family: V4_PREFERRED
  connect_timeout: 2s
  load_assignment:
    cluster_name: okta
    endpoints:
      - lb_endpoints:
          - endpoint: { address: { socket_address: { address: example.okta.com, port_value: 443 } } }
  transport_socket:
    name: envoy.transport_sockets.tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
      sni: example.okta.com
      common_tls_context:
        validation_context:
          trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }
          match_typed_subject_alt_names:
            - { san_type: DNS, matcher: { exact: example.okta.com } }`.trim().split('\n');

say();
for (const [at, [title, tell]] of steps.entries()) {
  say(bold(`${at + 1}. ${title}`));
  try {
    await tell();
  } catch (error) {
    say();
    say(red(`Step ${at + 1} did not come out as told: ${error instanceof NotAsTold ? error.message : error.stack}`));
    say(`The logs are in target/demo.`);
    process.exit(1);
  }
  say();
}
say(green(`All ${steps.length} steps came out as told.`));
say();
if (process.env.ONCE !== '1') whatToTry();
