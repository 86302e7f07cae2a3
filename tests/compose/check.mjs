// Checks a compose file against the schema of the Compose Specification.
//
//   node check.mjs SCHEMA < FILE
//
// Prints the file as JSON and exits 0, or says where it is wrong and exits 1.

import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

const [, , schema] = process.argv;
// The schema marks units with formats of its own ("duration" is Go's, not the one of RFC 3339).
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, strict: false });
addFormats.default(ajv);
ajv.addFormat('duration', true);
// Ajv knows draft 7, the schema's, by another spelling of its name.
const { $schema: _, ...rules } = JSON.parse(readFileSync(schema, 'utf8'));
const validate = ajv.compile(rules);

const file = parse(readFileSync(0, 'utf8'), { merge: true });
if (!validate(file)) {
  for (const { instancePath, message, params } of validate.errors) {
    console.error(`${instancePath || '/'}: ${message} ${JSON.stringify(params)}`);
  }
  process.exit(1);
}
console.log(JSON.stringify(file));
