// A client of MCP for the story: npm's official one with what an application adds, which is a place for what
// it learns and a way to its user.

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { signIn } from '../provider/person.mjs';

const REDIRECT = 'http://127.0.0.1:19300/callback';

/**
 * An application whose user is alice. `told` is asked with every request and its answer, and is told what
 * alice has agreed to.
 */
export class Application {
  #kept = {};
  #told;
  #transport;
  #client;

  constructor(url, clientId, issuer, told) {
    this.#kept.client = { client_id: clientId, issuer };
    this.#told = told;
    this.url = new URL(url);
  }

  /** Finds out what the server speaks and has. */
  async connect() {
    await this.#withUser(() => {
      this.#transport = new StreamableHTTPClientTransport(this.url, { authProvider: this.#provider(), fetch: this.#fetch });
      this.#client = new Client({ name: 'story', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
      return this.#client.connect(this.#transport);
    });
    return this.#client.getNegotiatedProtocolVersion();
  }

  async tools() {
    return (await this.#client.listTools()).tools.map((tool) => tool.name);
  }

  /** What a tool says. */
  async call(name, given) {
    const answer = await this.#withUser(() => this.#client.callTool({ name, arguments: given }));
    return answer.content[0].text;
  }

  close() {
    return this.#client.close();
  }

  /** Does something, and does it again once the user has agreed to what it needs. */
  async #withUser(attempt) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      const asked = this.#kept.target.searchParams;
      const back = await signIn(this.#kept.target, 'alice');
      this.#told.agreed({ scope: asked.get('scope'), resource: asked.get('resource') });
      await this.#transport.finishAuth(back.searchParams);
      return attempt();
    }
  }

  #fetch = async (url, init) => {
    const answer = await fetch(url, init);
    await this.#told.asked({ method: init?.method ?? 'GET', url: new URL(url), headers: new Headers(init?.headers), answer });
    return answer;
  };

  #provider() {
    const kept = this.#kept;
    return {
      redirectUrl: REDIRECT,
      clientMetadata: { client_name: 'story', redirect_uris: [REDIRECT] },
      clientInformation: () => kept.client,
      tokens: () => kept.tokens,
      saveTokens: (tokens) => { kept.tokens = tokens; },
      redirectToAuthorization: (target) => { kept.target = target; },
      saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
      codeVerifier: () => kept.verifier,
      saveDiscoveryState: (found) => { kept.found = found; },
      discoveryState: () => kept.found,
    };
  }
}
