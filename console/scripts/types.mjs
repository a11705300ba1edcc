// Generates src/api/schema.d.ts from the OpenAPI document that a server serves.
// Usage: npm run types -- [http://127.0.0.1:8080/openapi.json | file]
import { readFile, writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'

export const file = new URL('../src/api/schema.d.ts', import.meta.url)

/** The types of a document, as the file has them. */
export async function typesOf(document) {
  return '// Generated from /openapi.json by `npm run types`. Do not edit.\n\n' + astToString(await openapiTS(document))
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const from = process.argv[2] ?? 'http://127.0.0.1:8080/openapi.json'
  const text = from.startsWith('http') ? await (await fetch(from)).text() : await readFile(from, 'utf8')
  await writeFile(file, await typesOf(text))
}
