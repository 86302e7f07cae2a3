// The person at the browser: follows an authorization URL to this provider's pages, signs in, agrees, and
// returns the URL that the provider sends the browser back to. By itself it is a program, which prints that:
//
//   node person.mjs URL
import { pathToFileURL } from 'node:url';

/** More pages than that is a loop. */
const MOST = 12;

export async function signIn(start, name = 'alice') {
  const cookies = new Map();
  const visit = async (url, init = {}) => {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const answer = await fetch(url, { redirect: 'manual', ...init, headers: { ...init.headers, cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [pair] = set.split(';');
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    return answer;
  };
  let url = new URL(start);
  let init;
  for (let page = 0; page < MOST; page += 1) {
    const answer = await visit(url, init);
    init = undefined;
    const location = answer.headers.get('location');
    if (location) {
      url = new URL(location, url);
      if (url.origin !== new URL(start).origin) return url;
      continue;
    }
    const html = await answer.text();
    const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1];
    const prompt = /name="prompt" value="([^"]+)"/.exec(html)?.[1];
    if (!action || !prompt) throw new Error(`no form to fill in: ${answer.status} ${html.slice(0, 500)}`);
    url = new URL(action.replaceAll('&amp;', '&'), url);
    const fields = prompt === 'login' ? { prompt, login: name, password: 'any' } : { prompt };
    init = { method: 'POST', body: new URLSearchParams(fields) };
  }
  throw new Error(`${MOST} pages, and none of them the client's own`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.log(String(await signIn(process.argv[2])));
