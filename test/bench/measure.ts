/**
 * Figures of benchmarks. The machine is never quiet, so things that are compared run in turn, several times, and
 * figures are medians; `cpu` is what the kernel charged to the process, which neighbours disturb less than time.
 */
export interface Figure {
  readonly section: string
  readonly name: string
  readonly median: number
  readonly min: number
  readonly max: number
  readonly unit: string
  /** Samples that the median is of. */
  readonly n: number
  /** What belongs to it, such as p99 or a ratio to another figure of the same run. */
  readonly more?: Readonly<Record<string, number | string>>
}

export function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return Number.NaN
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] as number
  return low + ((sorted[Math.ceil(at)] as number) - low) * (at - Math.floor(at))
}

export const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)
export const median = (values: readonly number[]): number => quantile(ascending(values), 0.5)

export function figure(section: string, name: string, samples: readonly number[], unit: string, more?: Figure['more']): Figure {
  const sorted = ascending(samples)
  return { section, name, median: quantile(sorted, 0.5), min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN, unit, n: samples.length, ...(more === undefined ? {} : { more }) }
}

/** One thing to be measured in turn with others: does `count` operations in this thread. */
export interface Contestant { readonly name: string; readonly run: (count: number) => void }

/** Processor time of this thread in milliseconds: what others take of the machine does not count. */
function threadMs(): number { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000 }

/** Operations of each per second of processor time, sampled in turn `rounds` times for about `sampleMs`, after warming up. */
export function inTurn(contestants: readonly Contestant[], rounds: number, sampleMs: number): ReadonlyMap<string, number[]> {
  const counts = new Map<string, number>()
  for (const { name, run } of contestants) {
    let count = 1
    for (let ms = 0; ms < sampleMs / 2;) {
      const start = threadMs()
      run(count)
      ms = threadMs() - start
      if (ms < sampleMs / 2) count = Math.ceil(count * Math.min(10, Math.max(1.5, sampleMs / Math.max(ms, 0.01))))
    }
    counts.set(name, count)
  }
  const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of contestants) {
      const count = counts.get(name) as number
      const start = threadMs()
      run(count)
      rates.get(name)?.push((count * 1000) / (threadMs() - start))
    }
  }
  return rates
}

/** A fixed loop of integers: compare figures of two runs only where it agrees. */
export function calibrate(): number {
  const start = performance.now()
  let x = 1
  for (let i = 0; i < 30_000_000; i++) x = (Math.imul(x, 1_103_515_245) + 12_345) | 0
  return x === 0 ? 0 : performance.now() - start
}

const plain = (value: number | string): string => typeof value === 'string' ? value
  : !Number.isFinite(value) ? '–' : Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))

/** As a table in Markdown, a section each. */
export function table(figures: readonly Figure[]): string {
  const lines: string[] = []
  let section = ''
  for (const f of figures) {
    if (f.section !== section) {
      section = f.section
      lines.push('', `### ${section}`, '', '| figure | median | min – max | unit | n | more |', '|---|---:|---|---|---:|---|')
    }
    const more = Object.entries(f.more ?? {}).map(([name, value]) => `${name} ${plain(value)}`).join(', ')
    lines.push(`| ${f.name} | ${plain(f.median)} | ${plain(f.min)} – ${plain(f.max)} | ${f.unit} | ${f.n} | ${more} |`)
  }
  return lines.join('\n')
}
