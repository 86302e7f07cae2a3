// Takes out of a module what nobody can ever read: usage: prune.mjs FROM TO, where FROM has its names.
//
// The standard library and the libraries of keys bring words for people: traces of the stack, names
// of symbols, texts of errors. The filter's hook for panics (src/shell/host.rs) reads none of them, and
// no error of these libraries is ever shown: the filter words its own. The compiler cannot know it.
// So these functions write nothing here, and what only they needed goes when the module is optimized.
//
// A rule that matches nothing is an error: the compiler or a library has changed, and its rule with it.
import { readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";

const MUTE = [
  // Traces, and the names in them.
  /rustc_demangle.*3fmt/,
  /std12backtrace_rs.*3fmt/,
  /std3sys9backtrace.*3fmt/,
  /std9backtraceNt.*Display3fmt0/,
  // Errors of the libraries that read keys and verify tokens.
  /anyhow\.\.error\.\.ErrorImpl.*3fmt/,
  /jwt_simple\.\.error\.\.JWTError.*3fmt/,
  // What is shown only where a value is unwrapped that is never an error.
  /std6thread5local.*11AccessError.*3fmt/,
  /serde_json\.\.error\.\.Error\$u20\$as\$u20\$core\.\.fmt\.\.Debug/,
];

// Callbacks that the SDK exports for every filter and this one never acts on. A host calls what is there.
const UNUSED = [
  "proxy_on_downstream_connection_close",
  "proxy_on_downstream_data",
  "proxy_on_foreign_function",
  "proxy_on_grpc_close",
  "proxy_on_grpc_receive",
  "proxy_on_grpc_receive_initial_metadata",
  "proxy_on_grpc_receive_trailing_metadata",
  "proxy_on_new_connection",
  "proxy_on_upstream_connection_close",
  "proxy_on_upstream_data",
];

// The SDK's ways to ask the host, as methods of its contexts. They stand in its tables of methods, so that
// the compiler keeps them; the SDK itself calls only those of `on_…` and `create_…`, and `get_type`. The
// filter has its own (src/shell/host.rs), which do not panic at what the host answers.
const UNCALLED =
  /^_ZN10proxy_wasm6traits\d+\w*Context\d+(?!get_type)(add|call|cancel|close|dequeue|dispatch|enqueue|get|open|register|remove|replace|reset|resolve|resume|send|set)_/;

const [from, to] = process.argv.slice(2);
const wasm = binaryen.readBinary(readFileSync(from));

const functions = Array.from({ length: wasm.getNumFunctions() }, (_, at) =>
  wasm.getFunctionByIndex(at),
);
const unmatched = new Set(MUTE);
const uncalled = [];
for (const one of functions) {
  const { name, params, results } = binaryen.getFunctionInfo(one);
  if (UNCALLED.test(name)) {
    uncalled.push(name);
    binaryen.Function.setBody(one, wasm.unreachable());
    continue;
  }
  const rule = MUTE.find((rule) => rule.test(name));
  if (!rule) continue;
  // `fn fmt(&self, &mut Formatter) -> Result`, where 0 is `Ok(())`, or a closure of it, which takes one
  // thing more.
  const { i32 } = binaryen;
  const taken = binaryen.expandType(params);
  const isText = taken.length === 2 || taken.length === 3;
  if (!isText || results !== i32 || taken.some((type) => type !== i32)) continue;
  binaryen.Function.setBody(one, wasm.i32.const(0));
  unmatched.delete(rule);
}
if (unmatched.size > 0) {
  console.error(`prune: no function is called like ${[...unmatched].join(" or ")}`);
  process.exit(1);
}

if (uncalled.length === 0) {
  console.error("prune: the SDK's methods have other names");
  process.exit(1);
}
const called = new Set(wasm.emitText().match(/(?<=\(call \$)[^\s)]+/g));
for (const name of uncalled.filter((name) => called.has(name))) {
  console.error(`prune: ${name} is called`);
  process.exit(1);
}

const exported = Array.from({ length: wasm.getNumExports() }, (_, at) =>
  binaryen.getExportInfo(wasm.getExportByIndex(at)),
);
for (const name of UNUSED) {
  if (!exported.some((one) => one.name === name)) {
    console.error(`prune: the module exports no ${name}`);
    process.exit(1);
  }
  wasm.removeExport(name);
}
writeFileSync(to, wasm.emitBinary());
