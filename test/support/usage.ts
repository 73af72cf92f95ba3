/** For the programs among the tests: wrong arguments get a sentence and the usage, no stack. */

/** What `parse` makes of the arguments; where it throws, says why and how it is used, and ends the process with 2. */
export function orUsage<T>(usage: string, parse: () => T): T {
  try { return parse() } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`)
    process.exit(2)
  }
}
