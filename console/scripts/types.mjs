// Generates src/api/schema.d.ts from the OpenAPI document that a server serves.
// Usage: npm run types -- [http://127.0.0.1:8080/openapi.json | file]
import { readFile, writeFile } from 'node:fs/promises'
import openapiTS, { astToString } from 'openapi-typescript'

const from = process.argv[2] ?? 'http://127.0.0.1:8080/openapi.json'
const text = from.startsWith('http') ? await (await fetch(from)).text() : await readFile(from, 'utf8')
const types = astToString(await openapiTS(text))
await writeFile(new URL('../src/api/schema.d.ts', import.meta.url),
  '// Generated from /openapi.json by `npm run types`. Do not edit.\n\n' + types)
