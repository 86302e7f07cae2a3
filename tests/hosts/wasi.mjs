// Runs a test program that was built for Wasm: what checks signatures and opens what was sealed is the same
// code there, and not the same machine. What only a proxy can do fails.
//
//   node tests/hosts/wasi.mjs FILE.wasm [ARGUMENT…]
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [file, ...args] = process.argv.slice(2);
const module = await WebAssembly.compile(await readFile(file));
const wasi = new WASI({ version: 'preview1', args: [file, ...args, '--test-threads=1'], returnOnExit: true });
const ofProxies = WebAssembly.Module.imports(module).filter((one) => one.module === 'env');
const env = Object.fromEntries(ofProxies.map(({ name }) => [name, () => { throw new Error(`${name} is a proxy's`); }]));
const instance = await WebAssembly.instantiate(module, { ...wasi.getImportObject(), env });
// It is a program and has the filter's own start beside its own, which Node takes for a contradiction.
const { _initialize, ...exports } = instance.exports;
process.exitCode = wasi.start({ exports });
