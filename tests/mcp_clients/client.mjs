// One of the official clients of npm, through its whole flow, with a person who signs in. What it did goes
// to the standard output as JSON: every request with its answer, each question to the person, and what the
// calls returned.
//
//   node client.mjs '{"package": "client" | "sdk", "url": "http://127.0.0.1:1/mcp",
//                     "registered": "mcp-client" | null, "calls": [["echo", {"text": "x"}]]}'
//
// `registered` is the client's id at the provider; without it the client registers itself.
import { signIn } from '../../demo/provider/person.mjs';

const { package: name, url, registered, calls } = JSON.parse(process.argv[2]);

const parts = {
  // Of 2026-07-28: it asks the server which revisions it speaks.
  client: async () => ({ ...(await import('@modelcontextprotocol/client')), options: { versionNegotiation: { mode: 'auto' } } }),
  // Of 2025-11-25.
  sdk: async () => ({
    ...(await import('@modelcontextprotocol/sdk/client/index.js')),
    ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
    ...(await import('@modelcontextprotocol/sdk/client/auth.js')),
    options: {},
  }),
};
const { Client, StreamableHTTPClientTransport, UnauthorizedError, options } = await parts[name]();

const told = { http: [], asked: [], calls: [] };

async function recorded(target, init) {
  const answer = await fetch(target, init);
  const { pathname } = new URL(target);
  const headers = new Headers(init?.headers);
  const line = [init?.method ?? 'GET', pathname, headers.get('mcp-method'), headers.get('mcp-name'), answer.status];
  told.http.push(line.filter((part) => part !== null).join(' '));
  return answer;
}

const REDIRECT = 'http://127.0.0.1:19300/callback';
const store = { client: registered ? { client_id: registered } : undefined };
const provider = {
  redirectUrl: REDIRECT,
  clientMetadata: {
    client_name: name,
    application_type: 'native',
    redirect_uris: [REDIRECT],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
  clientInformation: () => store.client,
  saveClientInformation: (client) => { store.client = client; },
  tokens: () => store.tokens,
  saveTokens: (tokens) => { store.tokens = tokens; },
  redirectToAuthorization: (target) => {
    store.target = target;
    const asked = (parameter) => target.searchParams.get(parameter);
    told.asked.push({ scope: asked('scope'), resource: asked('resource'), pkce: asked('code_challenge_method') });
  },
  saveCodeVerifier: (verifier) => { store.verifier = verifier; },
  codeVerifier: () => store.verifier,
};

const transport = () => new StreamableHTTPClientTransport(new URL(url), { authProvider: provider, fetch: recorded });

/** What the client's host does where the client asks for its person: once at first, once to step up. */
async function withPerson(current, attempt) {
  for (let left = 2; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || left === 0) throw error;
      const back = (await signIn(store.target)).searchParams;
      if (back.get('error')) throw new Error(`the provider says ${back.get('error')}: ${back.get('error_description')}`);
      await current().finishAuth(name === 'client' ? back : back.get('code'));
    }
  }
}

try {
  let current;
  let client;
  await withPerson(() => current, async () => {
    current = transport();
    client = new Client({ name: 'test', version: '1.0.0' }, options);
    await client.connect(current);
  });
  told.revision = client.getNegotiatedProtocolVersion?.() ?? current.protocolVersion;
  told.tools = (await client.listTools()).tools.map((tool) => tool.name);
  for (const [tool, given] of calls) {
    const answer = await withPerson(() => current, () => client.callTool({ name: tool, arguments: given }));
    told.calls.push(JSON.parse(answer.content[0].text));
  }
  const claims = JSON.parse(Buffer.from(store.tokens.access_token.split('.')[1], 'base64url'));
  told.token = { audience: claims.aud, scope: claims.scope };
  await client.close();
} catch (error) {
  told.failed = `${error.constructor.name}: ${error.message}`;
}
console.log(JSON.stringify(told));
process.exit(0);
