// JSON as it came, laid out by lines. Numbers and texts keep every character that
// was sent: 1.50 stays 1.50, and no digit is lost past 2^53.

export interface Line {
  depth: number
  key?: string // as sent, in quotes
  text: string // a value as sent, or a bracket
  path: (string | number)[]
  leaf: boolean // a value that has none below it
  comma: boolean
}

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/g

/** The lines of a JSON text; undefined when it is none. */
export function linesOf(text: string): Line[] | undefined {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  const tokens = text.match(token) ?? []
  const out: Line[] = []
  let i = 0
  const put = (depth: number, path: Line['path'], text: string, leaf: boolean, key?: string) => out.push({ depth, key, text, path, leaf, comma: false })
  const value = (depth: number, path: Line['path'], key?: string) => {
    const first = tokens[i++]!
    if (first !== '{' && first !== '[') return void put(depth, path, first, true, key)
    const last = first === '{' ? '}' : ']'
    if (tokens[i] === last) {
      i++
      return void put(depth, path, first + last, true, key)
    }
    put(depth, path, first, false, key)
    for (let n = 0; ; n++) {
      if (first === '{') {
        const name = tokens[i]!
        i += 2
        value(depth + 1, [...path, JSON.parse(name) as string], name)
      } else value(depth + 1, [...path, n])
      if (tokens[i++] !== ',') break
      out[out.length - 1]!.comma = true
    }
    put(depth, path, last, false)
  }
  value(0, [])
  return out
}
