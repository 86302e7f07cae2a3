// What a browser keeps of pages that anybody may keep; says as JSON what it saw.
//
//   node kept.mjs CHROMIUM FOLDER PORTAL PROVIDER SECONDS
//
// FOLDER is an empty one for the browser's profile; SECONDS is how long a session needs no refresh.

import { launch } from "./chromium.mjs";
import { newcomer } from "./people.mjs";

const [chromium, folder, portal, provider, seconds] = process.argv.slice(2);
const browser = launch(chromium, folder);
const tab = await (await newcomer(browser, provider))();
const saw = {};

await tab.go(`${portal}/start`);
await tab.signIn();
const cookie = async () => (await tab.cookies()).find(({ name }) => name === "__Host-tollgate-idp").value;
const before = await cookie();
// Without a cookie of ours in the answer, it is kept as the application says.
await tab.go(`${portal}/kept`);
await tab.go(`${portal}/start`);
await tab.go(`${portal}/kept`);
// A page that brings the session's next cookies is kept by nobody.
await new Promise((done) => setTimeout(done, seconds * 1000));
await tab.go(`${portal}/renewed`);
saw.renewed = (await cookie()) !== before;
await tab.go(`${portal}/start`);
await tab.go(`${portal}/renewed`);
await browser.end(saw);
