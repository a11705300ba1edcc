export interface Box {
  x: number
  y: number
  w: number
  h: number
}

/** Lays out areas within a box so that their pieces are near to square (the
 * squarified treemap of Bruls, Huizing and van Wijk). Sizes are positive and come
 * largest first; boxes come back in their order. */
export function squarify(sizes: number[], box: Box): Box[] {
  const total = sizes.reduce((a, b) => a + b, 0)
  if (!total || box.w <= 0 || box.h <= 0) return sizes.map(() => ({ ...box, w: 0, h: 0 }))
  const scale = (box.w * box.h) / total
  const areas = sizes.map((s) => s * scale)
  const out: Box[] = []
  let { x, y, w, h } = box
  let i = 0
  while (i < areas.length) {
    const side = Math.min(w, h)
    let n = 1
    let sum = areas[i]!
    let worst = ratio(areas[i]!, areas[i]!, sum, side)
    while (i + n < areas.length) {
      const next = areas[i + n]!
      const tried = ratio(areas[i]!, next, sum + next, side)
      if (tried > worst) break
      worst = tried
      sum += next
      n++
    }
    const thick = side > 0 ? sum / side : 0
    let along = 0
    for (let k = i; k < i + n; k++) {
      const long = thick > 0 ? areas[k]! / thick : 0
      out.push(w >= h ? { x, y: y + along, w: thick, h: long } : { x: x + along, y, w: long, h: thick })
      along += long
    }
    if (w >= h) {
      x += thick
      w -= thick
    } else {
      y += thick
      h -= thick
    }
    i += n
  }
  return out
}

function ratio(most: number, least: number, sum: number, side: number): number {
  const s = (sum / side) ** 2
  return Math.max(most / s, s / least)
}
