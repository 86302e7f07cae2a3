// An OpenID provider with Okta's shape, for the demo and the tests. Never for anything else: its
// secrets are in this file, and its control port signs whatever it is asked to.
//
// Public port (PORT, 9000), as a real provider would have it, all below the issuer's path:
//   /.well-known/openid-configuration   discovery; /.well-known/oauth-authorization-server too, and both
//                                       in front of the issuer's path, where RFC 8414 has them
//   /v1/authorize                       a person signs in, whom it asks for a name and believes
//   /v1/clients                         clients register themselves (RFC 7591)
//   /v1/token                           client credentials, with `resource` and `scope`, and codes
//   /v1/keys                            the JWKS; with a slash behind it, too
//   /v1/revoke                          refresh tokens are given back (RFC 7009)
//   /session/end                        a person signs out
// and beside it the organisation's own server, whose tokens are opaque:
//   /oauth2/v1/token                    client credentials
//   /oauth2/v1/introspect               what they are worth (RFC 7662), signed for whoever wants that
//   /oauth2/v1/revoke                   they are worth nothing from then on (RFC 7009)
//   /.well-known/openid-configuration   where these are
// and what Okta does not have:
//   /revoked.json                       whom Tollgate is to refuse although the token is good
//
// Control port (CONTROL_PORT, 9001), on loopback whatever HOST says; every answer is JSON:
//   GET  /ready                     is the public port open?
//   GET  /hits                      requests per path on the public port; POST /hits/reset
//   POST /rotate?alg=RS256          a new signing key; the old ones stay published
//   POST /retire                    only the newest key of each algorithm stays published
//   POST /jwks?mode=MODE&ms=1000    what the JWKS endpoint does from now on, see `faults` below
//   POST /introspection?mode=MODE&ms=1000   the same of the introspection endpoint
//   POST /sign                      {"header": {...}, "claims": {...}} laid over a token that is
//                                   right in every way; null removes a member. "alg" in the header
//                                   picks the key; "kid" is only a label.
//   POST /revoke?identity=ID        puts an identity of provider `okta` on the list; POST /restore empties it
//   POST /down, POST /up            closes the public port, open connections too; opens it again
//
// Settings from the environment: HOST, PORT, CONTROL_PORT, ISSUER, TTL (of tokens, in seconds), API_PORT
// (where the portal is, and the APIs that MCP clients ask for by their URLs), CLIENT_KEYS (files of private keys in PEM,
// parted by colons: the organisation's server knows a client for each, `key-0` and so on).

import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { pipeline } from 'node:stream/promises';
import * as jose from 'jose';

// Its advice on the console is for operators of a real provider.
console.warn = console.info = () => {};
const { Provider, errors } = await import('oidc-provider');
const { createMemoryAdapter } = await import('oidc-provider/lib/adapters/memory_adapter.js');

const HOST = process.env.HOST ?? '127.0.0.1';
const PORT = Number(process.env.PORT ?? 9000);
const CONTROL_PORT = Number(process.env.CONTROL_PORT ?? 9001);
const ISSUER = process.env.ISSUER ?? `http://127.0.0.1:${PORT}/oauth2/default`;
const TTL = Number(process.env.TTL ?? 300);
const API = `http://127.0.0.1:${process.env.API_PORT ?? 10000}`;
const BASE = new URL(ISSUER).pathname.replace(/\/$/, '');
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'PS256'];

/** The largest body that the control port reads, in bytes. */
const MAX_BODY = 1 << 20;

// ---- who may ask for what ------------------------------------------------------------------

const SCOPES = ['orders:read', 'orders:write', 'admin'];
const MCP_SCOPES = ['mcp:tools', 'mcp:danger', 'mcp:all'];

/** The APIs that tokens can be for, and the algorithm that signs each one's. */
const RESOURCES = {
  'https://api.example': 'RS256',
  'https://other.example': 'RS256',
  'https://api-es256.example': 'ES256',
  'https://api-eddsa.example': 'EdDSA',
  'https://api-ps256.example': 'PS256',
};

/** Client and secret; the tokens of those in `AS_OKTA` look exactly like Okta's. */
const CLIENTS = {
  svc: 'svc-secret',
  admin: 'admin-secret',
  trial: 'trial-secret',
  free: 'free-secret',
  'svc-untyped': 'svc-untyped-secret',
  '0oa5example': '0oa5example-secret',
};
const AS_OKTA = ['svc-untyped', '0oa5example'];

/** Who shows this may register clients (RFC 7591); where it is not set, anybody may. Whoever has registered
 *  one may manage it (RFC 7592). */
const { INITIAL_ACCESS_TOKEN } = process.env;

/**
 * Okta's header has no `typ`; the client is in `cid`, the scopes in `scp`, nowhere else; a machine
 * has no `uid`.
 */
function asOkta(token) {
  token.header = { ...token.header, typ: undefined };
  delete token.payload.client_id;
  delete token.payload.scope;
  delete token.payload.uid;
  token.payload.ver = 1;
}

/** A program on a person's machine: known by hand, without a secret, on whatever port it listens. */
const PROGRAM = {
  client_id: 'mcp-client',
  application_type: 'native',
  grant_types: ['authorization_code'],
  redirect_uris: ['http://127.0.0.1/callback'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};

/** A portal whose people log in through the filter. */
const PORTAL = {
  client_id: 'portal',
  client_secret: 'portal-secret',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [`${API}/.login/okta/callback`],
  post_logout_redirect_uris: [`${API}/.login/okta/signed-out`],
  response_types: ['code'],
  token_endpoint_auth_method: 'client_secret_basic',
};

const clients = () => Object.entries(CLIENTS).map(([client_id, client_secret]) => ({
  client_id,
  client_secret,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: 'client_secret_basic',
}));

/** Who asks the organisation's server about tokens: by a secret, or by a key of a file. */
const askers = () => {
  const asker = (client_id, further) => ({ client_id, grant_types: [], redirect_uris: [], response_types: [], ...further });
  const files = (process.env.CLIENT_KEYS ?? '').split(':').filter(Boolean);
  const keyed = files.map((file, place) => {
    const jwk = crypto.createPublicKey(fs.readFileSync(file)).export({ format: 'jwk' });
    const alg = { EC: 'ES256', OKP: 'EdDSA', RSA: 'RS256' }[jwk.kty];
    return asker(`key-${place}`, {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: alg,
      jwks: { keys: [{ ...jwk, alg, use: 'sig', kid: `key-${place}` }] },
    });
  });
  return [
    asker('gateway', { client_secret: 'gate:%+ &way=~', token_endpoint_auth_method: 'client_secret_basic' }),
    asker('poster', { client_secret: 'poster-secret', token_endpoint_auth_method: 'client_secret_post' }),
    asker('signed', {
      client_secret: 'signed-secret',
      token_endpoint_auth_method: 'client_secret_basic',
      introspection_signed_response_alg: 'RS256',
    }),
    ...keyed,
  ];
};

/** The organisation's server: it knows the same clients, and nobody else can read its tokens. */
const organisation = (keys) => ({
  clients: [...clients(), ...askers()],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  jwks: { keys: structuredClone(keys) },
  scopes: SCOPES,
  cookies: { keys: ['this provider sets no cookie'] },
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
  ttl: { ClientCredentials: TTL },
  routes: {
    token: '/oauth2/v1/token',
    jwks: '/oauth2/v1/keys',
    introspection: '/oauth2/v1/introspect',
    revocation: '/oauth2/v1/revoke',
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    jwtIntrospection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: { enabled: false },
  },
});

function configuration(keys) {
  return {
    adapter,
    clients: [...clients(), PROGRAM, PORTAL],
    jwks: { keys: structuredClone(keys) },
    // The last two are for clients with users, which register for refresh tokens.
    scopes: [...SCOPES, ...MCP_SCOPES, 'openid', 'offline_access'],
    cookies: { keys: ['who reads this can be anybody here'] },
    pkce: { required: () => true },
    // Each refresh token is good for once; whoever shows one again takes all of them down.
    rotateRefreshToken: true,
    // As at Keycloak: whoever registered for them gets one, which is good while the person is signed in here, and
    // longer where `offline_access` was asked for.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    responseTypes: ['code'],
    // The portal's sessions need not be waited for: half of that later they are refreshed.
    ttl: { AccessToken: (_ctx, _token, { clientId }) => (clientId === PORTAL.client_id ? 60 : TTL), ClientCredentials: TTL, Grant: 3600, Interaction: 600, Session: 3600 },
    routes: {
      authorization: '/v1/authorize',
      token: '/v1/token',
      jwks: '/v1/keys',
      userinfo: '/v1/userinfo',
      registration: '/v1/clients',
      revocation: '/v1/revoke',
    },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    // Whom it tells that a session has ended is on this machine, where a provider would not go otherwise.
    fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    extraTokenClaims: (_ctx, token) => ({
      cid: token.clientId,
      uid: token.accountId ?? token.clientId,
      scp: token.scope ? token.scope.split(' ') : [],
      groups: token.clientId === 'admin' ? ['staff', 'admins'] : ['staff'],
    }),
    formats: {
      customizers: {
        jwt: (_ctx, token, structured) => {
          if (AS_OKTA.includes(token.clientId)) asOkta(structured);
        },
      },
    },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      registration: { enabled: true, initialAccessToken: INITIAL_ACCESS_TOKEN },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
      revocation: { enabled: true },
      backchannelLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'https://api.example',
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => {
          const isOfMcp = resource.startsWith(`${API}/`);
          const alg = isOfMcp ? 'RS256' : RESOURCES[resource];
          if (!alg) throw new errors.InvalidTarget();
          return {
            audience: resource,
            scope: (isOfMcp ? MCP_SCOPES : SCOPES).join(' '),
            accessTokenFormat: 'jwt',
            accessTokenTTL: TTL,
            jwt: { sign: { alg } },
          };
        },
      },
    },
  };
}

// ---- keys, newest first --------------------------------------------------------------------

let keys = [];
let answer;
let answerAsOrganisation;

async function addKey(alg) {
  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  const jwk = await jose.exportJWK(privateKey);
  const key = { ...jwk, alg, use: 'sig', kid: await jose.calculateJwkThumbprint(jwk) };
  keys = [key, ...keys];
  return key;
}

/** What people and clients have there: it outlives a change of keys. */
const adapter = createMemoryAdapter();

/** oidc-provider reads its keys once, so a change of keys is a new provider. */
function reload() {
  const provider = new Provider(ISSUER, configuration(keys));
  provider.on('server_error', (_ctx, error) => log('provider error', error));
  answer = provider.callback();
  answerAsOrganisation = new Provider(new URL(ISSUER).origin, organisation(keys)).callback();
}

/** How node signs for each algorithm; jose would refuse the headers that tests want signed. */
const SIGN = {
  RS256: (data, key) => crypto.sign('sha256', data, key),
  ES256: (data, key) => crypto.sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
  EdDSA: (data, key) => crypto.sign(null, data, key),
  PS256: (data, key) => crypto.sign('sha256', data, { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
};

function sign({ header = {}, claims = {} }) {
  const alg = header.alg ?? 'RS256';
  const key = keys.find((candidate) => candidate.alg === alg);
  if (!key) throw new RangeError(`no key for ${alg}; there are ${ALGORITHMS.join(', ')}`);
  const now = Math.floor(Date.now() / 1000);
  const protectedHeader = overlay({ alg, typ: 'at+jwt', kid: key.kid }, header);
  const payload = overlay(
    { iss: ISSUER, aud: 'https://api.example', sub: 'svc', cid: 'svc', scp: ['orders:read'], iat: now, exp: now + TTL },
    claims,
  );
  const signed = [protectedHeader, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = SIGN[alg](Buffer.from(signed), crypto.createPrivateKey({ key, format: 'jwk' }));
  return { token: `${signed}.${signature.toString('base64url')}`, header: protectedHeader, claims: payload };
}

function overlay(right, wrong) {
  const members = Object.entries({ ...right, ...wrong });
  return Object.fromEntries(members.filter(([, value]) => value !== null));
}

// ---- the public port -----------------------------------------------------------------------

let hits = {};
let fault = { mode: 'ok', ms: 1000 };
let askingFault = { mode: 'ok', ms: 1000 };
let revoked = [];

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const JSON_TYPE = { 'content-type': 'application/json' };

/** A well-formed key set of nine million bytes, without a usable key. */
function* hugeKeySet() {
  const filler = `{"kty":"oct","kid":"${'x'.repeat(9_000)}"},`;
  yield '{"keys":[';
  for (let bytes = 0; bytes < 9_000_000; bytes += filler.length) yield filler;
  yield '{"kty":"oct"}]}';
}

/** What an endpoint can do instead of its job. Each answers, but `ok` and `slow`. */
const faults = {
  ok: undefined,
  slow: undefined,
  404: (_req, res) => res.writeHead(404, JSON_TYPE).end('{"error":"not_found"}'),
  500: (_req, res) => res.writeHead(500, { 'content-type': 'text/plain' }).end('internal error'),
  empty: (_req, res) => res.writeHead(200, JSON_TYPE).end('{"keys":[]}'),
  html: (_req, res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Please sign in to the network.</body></html>'),
  redirect: (_req, res) => res.writeHead(302, { location: `${ISSUER}/v1/elsewhere` }).end(),
  truncated: async (_req, res) => {
    res.writeHead(200, { ...JSON_TYPE, 'content-length': 4096 });
    res.write('{"keys":[{"kty":"RSA","n":"');
    await sleep(50);
    res.destroy();
  },
  huge: (_req, res) => {
    res.writeHead(200, JSON_TYPE);
    return pipeline(hugeKeySet(), res).catch(() => res.destroy());
  },
};

/** What the organisation's server answers. */
const ORGANISATION = new Set(['token', 'keys', 'introspect', 'revoke'].map((name) => `/oauth2/v1/${name}`));
ORGANISATION.add('/.well-known/openid-configuration');

async function serve(req, res) {
  // As at Okta, a slash behind the key set's path makes no difference.
  if (req.url === `${BASE}/v1/keys/`) req.url = req.url.slice(0, -1);
  const { pathname } = new URL(req.url, 'http://provider');
  hits[pathname] = (hits[pathname] ?? 0) + 1;
  if (pathname === `${BASE}/v1/keys` && fault.mode !== 'ok') {
    if (fault.mode === 'slow') await sleep(fault.ms);
    else return faults[fault.mode](req, res);
  }
  if (pathname === '/revoked.json') return res.writeHead(200, JSON_TYPE).end(JSON.stringify({ entries: revoked }));
  if (pathname === '/oauth2/v1/introspect' && askingFault.mode !== 'ok') {
    if (askingFault.mode === 'slow') await sleep(askingFault.ms);
    else return faults[askingFault.mode](req, res);
  }
  if (ORGANISATION.has(pathname)) return answerAsOrganisation(req, res);
  const metadata = /^\/\.well-known\/(?:oauth-authorization-server|openid-configuration)(\/.*)$/.exec(pathname);
  if (metadata?.[1] === BASE) req.url = `${BASE}/.well-known/openid-configuration`;
  if (!req.url.startsWith(`${BASE}/`)) return res.writeHead(404).end();
  // oidc-provider sits at the root and learns from originalUrl what it is mounted on.
  req.originalUrl = req.url.replace('/.well-known/oauth-authorization-server', '/.well-known/openid-configuration');
  req.url = req.originalUrl.slice(BASE.length);
  return answer(req, res);
}

const server = http.createServer((req, res) => {
  Promise.resolve(serve(req, res)).catch((error) => fail(res, 500, error));
});

// A connection that the proxy keeps is never closed under a request that is on its way.
server.keepAliveTimeout = 0;

const open = () => new Promise((resolve, reject) => {
  if (server.listening) return resolve();
  server.once('error', reject);
  server.listen(PORT, HOST, () => { server.off('error', reject); resolve(); });
});

const close = () => new Promise((resolve) => {
  if (!server.listening) return resolve();
  server.close(() => resolve());
  server.closeAllConnections();
});

// ---- the control port ----------------------------------------------------------------------

const published = () => keys.map(({ kid, alg }) => ({ kid, alg }));

function faultOf(query) {
  const mode = query.get('mode') ?? 'ok';
  if (!Object.hasOwn(faults, mode)) throw new RangeError(`mode must be one of ${Object.keys(faults).join(', ')}`);
  return { mode, ms: Number(query.get('ms') ?? 1000) };
}

const controls = {
  'GET /ready': () => ({ ready: server.listening, issuer: ISSUER }),
  'GET /hits': () => hits,
  'POST /hits/reset': () => (hits = {}),
  'POST /rotate': async ({ query }) => {
    const alg = query.get('alg') ?? 'RS256';
    if (!ALGORITHMS.includes(alg)) throw new RangeError(`alg must be one of ${ALGORITHMS.join(', ')}`);
    const { kid } = await addKey(alg);
    reload();
    return { kid, published: published() };
  },
  'POST /retire': () => {
    const seen = new Set();
    keys = keys.filter(({ alg }) => !seen.has(alg) && seen.add(alg));
    reload();
    return { published: published() };
  },
  'POST /jwks': ({ query }) => (fault = faultOf(query)),
  'POST /introspection': ({ query }) => (askingFault = faultOf(query)),
  'POST /sign': ({ body }) => sign(body ? JSON.parse(body) : {}),
  'POST /revoke': ({ query }) => {
    const identity = query.get('identity');
    if (!identity) throw new RangeError('identity is missing');
    revoked = [...revoked, { provider: 'okta', identity }];
    return { entries: revoked };
  },
  'POST /restore': () => ({ entries: (revoked = []) }),
  'POST /down': async () => { await close(); return { ready: false }; },
  'POST /up': async () => { await open(); return { ready: true }; },
};

async function read(req) {
  let body = '';
  for await (const chunk of req.setEncoding('utf8')) {
    body += chunk;
    if (body.length > MAX_BODY) throw new RangeError(`a body has at most ${MAX_BODY} bytes`);
  }
  return body;
}

async function control(req, res) {
  const { pathname, searchParams: query } = new URL(req.url, 'http://control');
  const act = controls[`${req.method} ${pathname}`];
  if (!act) return fail(res, 404, new RangeError(`there are: ${Object.keys(controls).join(', ')}`));
  try {
    const result = await act({ query, body: await read(req) });
    return res.writeHead(200, JSON_TYPE).end(`${JSON.stringify(result)}\n`);
  } catch (error) {
    return fail(res, error instanceof RangeError || error instanceof SyntaxError ? 400 : 500, error);
  }
}

function fail(res, status, error) {
  if (status === 500) log('error', error);
  if (res.headersSent) return res.destroy();
  return res.writeHead(status, JSON_TYPE).end(`${JSON.stringify({ error: error.message })}\n`);
}

// ---- start ---------------------------------------------------------------------------------

function log(what, error) {
  console.error(`${new Date().toISOString()} ${what}: ${error?.stack ?? error}`);
}

for (const alg of ALGORITHMS) await addKey(alg);
reload();

try {
  await open();
  await new Promise((resolve, reject) => {
    http.createServer(control).once('error', reject).listen(CONTROL_PORT, '127.0.0.1', resolve);
  });
} catch (error) {
  console.error(`the provider cannot listen: ${error.message}`);
  process.exit(1);
}
// From here on nothing ends it but a signal.
process.on('uncaughtException', (error) => log('uncaught exception', error));
process.on('unhandledRejection', (error) => log('unhandled rejection', error));
console.log(`issuer ${ISSUER} on ${HOST}:${PORT}, control on 127.0.0.1:${CONTROL_PORT}`);
