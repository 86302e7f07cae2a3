// People who log in to a portal with a headless Chromium; says as JSON what they saw.
//
//   node login.mjs CHROMIUM FOLDER PORTAL PROVIDER ELSEWHERE
//
// FOLDER is an empty one for the browser's profile; the others are origins, ELSEWHERE that of a page which
// has nothing to do with the portal.

import { readFileSync } from "node:fs";
import { launch, overflow } from "./chromium.mjs";
import { newcomer as person } from "./people.mjs";

const [chromium, folder, portal, provider, other] = process.argv.slice(2);
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const htmx = readFileSync(new URL("node_modules/htmx.org/dist/htmx.min.js", import.meta.url), "utf8");
const own = `${portal}/.login/idp`;
const browser = launch(chromium, folder);
const newcomer = () => person(browser, provider);
const saw = {};

// How a page reads on a small phone, and what axe finds wrong with it.
async function read(tab) {
  await tab.size(320, 640, true);
  await tab.look(axe);
  const found = await tab.look(`axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))`);
  const page = {
    status: tab.status, title: await tab.look("document.title"), text: await tab.text(),
    scripts: await tab.look(`document.querySelectorAll("script").length`),
    styled: await tab.look(`getComputedStyle(document.querySelector("main")).maxWidth`),
    axe: found, overflow: await tab.look(overflow), complaints: [...tab.complaints],
  };
  await tab.size(1000, 800, false);
  return page;
}

// A deep link, and what the browser keeps.
const alices = await newcomer();
const first = await alices();
await first.go(`${portal}/orders/7?x=1&y=2#part`);
saw.deep = await first.signIn();
saw.status = first.status;
saw.cookies = await first.cookies();
saw.readable = await first.look("document.cookie");
saw.fetched = await first.statusOf("/api");
saw.posted = await first.statusOf("/api", `{ method: "POST", body: "a=b" }`);

// Back into the callback.
await first.go(first.requested.find((url) => url.startsWith(`${own}/callback?`)));
saw.back = await first.address();

// A page elsewhere wants people out: by a link, an image, a frame and a form.
const elsewhere = await alices();
await elsewhere.go(`${other}/`);
await elsewhere.look(`Promise.all(["img", "iframe"].map((name) => new Promise((done) => {
  const one = Object.assign(document.createElement(name), { src: "${own}/logout", onload: done, onerror: done });
  document.body.append(one);
  setTimeout(done, 2000);
})))`);
saw.framed = elsewhere.complaints.splice(0);
saw.afterImage = await first.statusOf("/api");
await elsewhere.leave(() => elsewhere.look(`location.href = "${own}/logout"`));
saw.asked = await read(elsewhere);
saw.afterLink = await first.statusOf("/api");
// Who means it pushes the button.
await elsewhere.submit();
saw.provider = await elsewhere.look("location.origin");
await elsewhere.leave(() => elsewhere.look(`document.querySelector('[name="logout"]').click()`));
saw.signedOut = { address: await elsewhere.address(), ...(await read(elsewhere)) };
saw.left = (await elsewhere.cookies()).map(({ name }) => name);

// A script of a page that is still open is told where to log in.
saw.refused = await first.look(`fetch("/api").then(async (answer) => [answer.status, (await answer.json()).login])`);
await first.leave(() => first.look(`location.href = "${saw.refused[1]}?return=" + encodeURIComponent("/list?a=b")`));
saw.again = await first.signIn();

// A WebSocket carries the session where a page of the portal opens it, and nobody answers one of a page
// elsewhere. The application speaks none: that it was asked is enough.
const opens = (path) => `new Promise((done) => {
  const socket = new WebSocket(${JSON.stringify(portal.replace("http", "ws") + path)});
  socket.onopen = socket.onerror = () => done();
})`;
await first.look(opens("/socket/own"));
await elsewhere.go(`${other}/`);
await elsewhere.look(opens("/socket/foreign"));

// A page that htmx renews: it is still open while another tab logs out.
const renewed = await alices();
await renewed.go(`${portal}/list?c=d`);
await renewed.look(htmx);

// A link of the own pages logs out without asking.
await first.leave(() => first.look(`location.href = "/.login/idp/logout"`));
saw.byLink = await first.look("location.origin");
await first.leave(() => first.look(`document.querySelector('[name="logout"]').click()`));
saw.byLinkLeft = (await first.cookies()).map(({ name }) => name);

await renewed.leave(() => renewed.look(`htmx.ajax("GET", "/api", "body")`));
saw.htmx = { provider: await renewed.look("location.origin"), back: await renewed.signIn() };
await renewed.leave(() => renewed.look(`location.href = "/.login/idp/logout"`));
await renewed.leave(() => renewed.look(`document.querySelector('[name="logout"]').click()`));

// A window with many tabs is restored: at a first visit, and after a logout.
async function restored(open) {
  const tabs = await Promise.all(Array.from({ length: 10 }, open));
  await Promise.all(tabs.map((tab, place) => tab.go(`${portal}/tab/${place}?of=ten`)));
  const ends = [];
  for (const tab of tabs) ends.push(await tab.signIn());
  return { ends, cookies: (await tabs[0].cookies()).length };
}
saw.restored = await restored(await newcomer());
saw.restoredAgain = await restored(alices);

// An attempt that is none: its page, and the way on from there.
const lost = await (await newcomer())();
await lost.go(`${own}/callback?code=x&state=y`);
saw.lost = await read(lost);
saw.onward = await lost.look(`document.querySelector("main a").getAttribute("href")`);
await lost.go(`${own}/nowhere`);
saw.nowhere = lost.status;

await browser.end(saw);
