// A headless Chromium that does as it is told, by the browser's own protocol over a pipe: no package is
// needed for that.

import { spawn } from "node:child_process";

const flags = [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
  "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--remote-debugging-pipe",
];

// How far a page reaches beyond the window, and what in it does.
export const overflow = `(() => {
  const wide = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5);
  return { by: document.documentElement.scrollWidth - innerWidth, wide: wide.map((one) => one.outerHTML.slice(0, 120)) };
})()`;

// Starts one, with an empty folder for its profile.
export function launch(chromium, folder) {
  const browser = spawn(chromium, [...flags, `--user-data-dir=${folder}`, "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  browser.on("exit", (status) => status && fail(`the browser ended with ${status}`));
  function fail(message) {
    process.stderr.write(`${message}\n`);
    browser.kill("SIGKILL");
    process.exit(1);
  }
  setTimeout(() => fail("the browser took longer than two minutes"), 120_000).unref();

  // Messages are JSON with a zero byte behind each.
  let last = 0;
  let rest = Buffer.alloc(0);
  const waiting = new Map();
  const listeners = [];
  browser.stdio[4].on("data", (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      const message = JSON.parse(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      if (message.id) waiting.get(message.id)?.(message);
      else for (const listener of [...listeners]) listener(message);
    }
  });
  const send = (method, params, sessionId) => {
    const id = ++last;
    browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((done) =>
      waiting.set(id, ({ error, result }) => (error ? fail(`${method}: ${error.message}`) : done(result))));
  };

  return {
    fail,
    // A new tab, in this context or the browser's own.
    async tab(browserContextId) {
      const { targetId } = await send("Target.createTarget", { url: "about:blank", browserContextId });
      const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
      const tab = {
        send: (method, params = {}) => send(method, params, sessionId),
        listen: (told) => listeners.push((message) => message.sessionId === sessionId && told(message)),
        event: (wanted) => new Promise((done) => {
          const listener = (message) => {
            if (message.method !== wanted || message.sessionId !== sessionId) return;
            listeners.splice(listeners.indexOf(listener), 1);
            done(message.params);
          };
          listeners.push(listener);
        }),
        // The value of an expression in the page; a promise's, once it is there.
        async look(expression) {
          const asked = { expression, returnByValue: true, awaitPromise: true };
          const { result, exceptionDetails } = await tab.send("Runtime.evaluate", asked);
          if (exceptionDetails) fail(`${expression}: ${JSON.stringify(exceptionDetails.exception)}`);
          return result.value;
        },
        // Does what leads to another page, and waits until that is there.
        async leave(by) {
          const loaded = tab.event("Page.loadEventFired");
          await by();
          await loaded;
        },
        go: (address) => tab.leave(() => tab.send("Page.navigate", { url: address })),
        size: (width, height, mobile) =>
          tab.send("Emulation.setDeviceMetricsOverride", { width, height, mobile, deviceScaleFactor: 1 }),
      };
      for (const domain of ["Page", "Runtime", "Log", "Network"]) await tab.send(`${domain}.enable`);
      return tab;
    },
    // A person's own cookies.
    person: async () => (await send("Target.createBrowserContext", {})).browserContextId,
    // Says as JSON what was seen, and ends.
    async end(saw) {
      process.stdout.write(`${JSON.stringify(saw)}\n`);
      browser.removeAllListeners("exit");
      await send("Browser.close", {});
      process.exit(0);
    },
  };
}
