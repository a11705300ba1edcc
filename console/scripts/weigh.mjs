// Fails when what the first page loads passes 300 kB compressed. The chart code is
// a chunk of its own, loaded by the pages that draw with it.
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'

const dist = new URL('../site/dist/', import.meta.url)
const manifest = JSON.parse(await readFile(new URL('.vite/manifest.json', dist), 'utf8'))
const entry = Object.values(manifest).find((c) => c.isEntry)
const seen = new Set()
const size = async (file) => {
  const body = await readFile(new URL(file, dist))
  return file.endsWith('.woff2') ? body.length : gzipSync(body).length
}
const visit = (c) => {
  for (const f of [c.file, ...(c.css ?? [])]) seen.add(f)
  for (const i of c.imports ?? []) visit(manifest[i])
}
visit(entry)
for (const page of Object.values(manifest).filter((c) => c.src?.endsWith('pages/Tenant.svelte'))) visit(page)
for (const f of Object.values(manifest).flatMap((c) => c.assets ?? [])) if (f.includes('latin-wght')) seen.add(f)
let total = 0
for (const f of seen) total += await size(f)
console.log(`first load: ${(total / 1000).toFixed(1)} kB compressed in ${seen.size} files`)
if (total > 300_000) throw new Error('the first load is over 300 kB')
