// People with browsers of their own, who log in at the provider.

// A person with cookies of their own, who reads what the browser complains of: opens tabs.
export async function newcomer(browser, provider) {
  const context = await browser.person();
  const open = async () => {
    const tab = await browser.tab(context);
    tab.requested = [];
    tab.complaints = [];
    tab.listen(({ method, params }) => {
      if (method === "Network.requestWillBeSent") tab.requested.push(params.request.url);
      if (method === "Network.responseReceived" && params.type === "Document") tab.status = params.response.status;
      if (method === "Log.entryAdded" && params.entry.source !== "network") tab.complaints.push(params.entry.text);
      if (method === "Runtime.exceptionThrown") tab.complaints.push(params.exceptionDetails.text);
    });
    tab.address = () => tab.look("location.href");
    tab.text = () => tab.look("document.body.innerText");
    tab.submit = () => tab.leave(() => tab.look(`document.querySelector("form").submit()`));
    // Signs in and agrees, as long as the provider asks.
    tab.signIn = async () => {
      for (let page = 0; page < 12 && (await tab.look("location.origin")) === provider; page += 1) {
        await tab.look(`for (const [name, value] of [["login", "alice"], ["password", "any"]]) {
          const field = document.querySelector(\`input[name="\${name}"]\`);
          if (field) field.value = value;
        }`);
        await tab.submit();
      }
      return tab.address();
    };
    tab.cookies = async () => {
      const { cookies } = await tab.send("Network.getAllCookies");
      return cookies.filter(({ name }) => name.includes("tollgate"));
    };
    tab.statusOf = (path, init = "{}") => tab.look(`fetch(${JSON.stringify(path)}, ${init}).then((answer) => answer.status)`);
    return tab;
  };
  return open;
}
