/** The order in which servers of a DNS SRV answer are tried (RFC 2782): by priority, and within one by chance and weight. */
export interface Weighted { readonly priority: number; readonly weight: number }

export function inServiceOrder<R extends Weighted>(records: readonly R[], random: { bytes(length: number): Uint8Array }): readonly R[] {
  const left = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight)
  const out: R[] = []
  while (left[0] !== undefined) {
    const { priority } = left[0]
    const group = left.filter((each) => each.priority === priority)
    const total = group.reduce((sum, each) => sum + each.weight, 0)
    const [high = 0, low = 0] = random.bytes(2)
    let mark = ((high << 8) | low) / 0x1_0000 * total
    const chosen = group.find((each) => (mark -= each.weight) < 0) ?? group[0] as R
    out.push(chosen)
    left.splice(left.indexOf(chosen), 1)
  }
  return out
}
