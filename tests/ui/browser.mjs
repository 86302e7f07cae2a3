// Looks at the operator's page as people do, in a headless Chromium, and says as JSON what it saw.
//
//   node browser.mjs CHROMIUM FOLDER URL KEY CODE [SCREENSHOT.png]
//
// FOLDER is an empty one for the browser's profile, CODE the deny code to choose.

import { writeFileSync } from "node:fs";
import { launch, overflow } from "./chromium.mjs";

const [chromium, folder, url, key, code, screenshot] = process.argv.slice(2);
const browser = launch(chromium, folder);
const tab = await browser.tab();
const { look, send, size } = tab;

const said = [];
const requested = [];
let statuses = [];
let showsKey = false;
tab.listen(({ method, params }) => {
  if (method === "Log.entryAdded") said.push(params.entry.text);
  if (method === "Runtime.consoleAPICalled") said.push(JSON.stringify(params.args));
  if (method === "Runtime.exceptionThrown") said.push(params.exceptionDetails.text);
  if (method === "Network.requestWillBeSent") requested.push(params.request.url);
  if (method === "Network.responseReceived") statuses.push(params.response.status);
  if (method === "Fetch.requestPaused") send("Fetch.continueRequest", { requestId: params.requestId });
  if (method === "Fetch.authRequired") {
    const answer = showsKey
      ? { response: "ProvideCredentials", username: "ops", password: key }
      : { response: "CancelAuth" };
    send("Fetch.continueWithAuth", { requestId: params.requestId, authChallengeResponse: answer });
  }
});
await send("Fetch.enable", { handleAuthRequests: true });

async function open(address) {
  statuses = [];
  await tab.go(address);
  return statuses.at(-1);
}
const scheme = (value) =>
  send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });

// The text that is hardest to read: the least contrast (WCAG 2.2 §1.4.3) between a text and its ground.
const contrast = `(() => {
  const light = (rgb) => rgb.map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const ground = (one) => {
    const [r, g, b, a = 1] = parts(getComputedStyle(one).backgroundColor);
    return a === 1 ? [r, g, b] : one.parentElement ? ground(one.parentElement) : [NaN, NaN, NaN];
  };
  let least = { ratio: 99 };
  for (const one of document.querySelectorAll("body *")) {
    if (![...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const [a, b] = [light(parts(getComputedStyle(one).color).slice(0, 3)), light(ground(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (!(ratio >= least.ratio)) least = { ratio, text: one.textContent.slice(0, 60) };
  }
  return least;
})()`;

const saw = {};
// A stranger.
saw.closed = { status: await open(url), text: await look("document.body.innerText") };

// An operator with a phone, whose browser asks for the key.
showsKey = true;
said.length = requested.length = 0;
await size(360, 740, true);
await scheme("light");
saw.status = await open(url);
saw.title = await look("document.title");
saw.headings = await look(`[...document.querySelectorAll("h1, h2, h3")].map((one) => one.innerText)`);
saw.styled = await look(`getComputedStyle(document.querySelector(".card")).borderRadius`);
saw.phone = await look(overflow);
saw.light = await look(contrast);
await scheme("dark");
saw.dark = await look(contrast);
saw.grounds = [await look("getComputedStyle(document.body).backgroundColor")];
await scheme("light");
saw.grounds.push(await look("getComputedStyle(document.body).backgroundColor"));

// The same operator chooses a code, and reads why.
const codes = `[...document.querySelectorAll("details > summary > .pill")].map((one) => one.textContent)`;
const times = `[...document.querySelectorAll("details > summary > .pill + span + span")].map((one) => parseInt(one.textContent))`;
saw.all = await look(codes);
saw.allTimes = await look(times);
saw.code = await look(`[...document.querySelectorAll("code")].map((one) => one.textContent)`);
saw.backticks = await look(`document.body.innerText.includes("\`")`);
await tab.leave(() => look(`[...document.querySelectorAll(".chips a")].find((one) => one.innerText.startsWith(${JSON.stringify(code)})).click()`));
saw.address = await look("location.href");
saw.chosen = await look(codes);
saw.current = await look(`document.querySelector(".chips [aria-current]").innerText`);
saw.times = await look(times);
saw.explained = await look(`document.querySelector("details[open]").innerText`);
saw.phoneChosen = await look(overflow);
saw.closedOnes = await look(`[...document.querySelectorAll("details:not([open]) dl")].filter((one) => one.checkVisibility()).length`);
await look(`document.querySelectorAll("details:not([open]) > summary").forEach((one) => one.click())`);
saw.phoneOpened = await look(overflow);

// The same on a wide window: what is told in columns stands in columns.
await size(1000, 960, false);
const edges = (what, edge) => `[...new Set([...document.querySelectorAll("${what}")].map((one) => Math.round(one.getBoundingClientRect().${edge})))]`;
await open(url);
saw.columns = [await look(edges("summary > .when", "right")), await look(edges("summary > .pill", "left")), await look(edges("summary > .pill + span", "left"))];
saw.moments = await look(`[...document.querySelectorAll(".when")].map((one) => one.textContent)`);
saw.wide = await look(overflow);

// From there to the JSON.
await tab.leave(() => look(`document.querySelector("footer a").click()`));
saw.json = { address: await look("location.href"), text: await look("document.body.innerText") };
await open(url);

// What a browser says while all goes well, and where it went.
saw.said = [...said];
saw.requested = [...new Set(requested)];

// What it would say: the policy is in force.
await look(`document.head.append(Object.assign(document.createElement("script"), { textContent: "window.ran = true" }))`);
await look(`document.head.append(Object.assign(document.createElement("style"), { textContent: "body { display: none }" }))`);
await new Promise((done) => setTimeout(done, 200));
saw.control = { ran: await look("window.ran === true"), said: said.slice(saw.said.length) };

if (screenshot) {
  await size(1000, 1560, false);
  await open(url);
  const { data } = await send("Page.captureScreenshot", { format: "png" });
  writeFileSync(screenshot, Buffer.from(data, "base64"));
}
await browser.end(saw);
