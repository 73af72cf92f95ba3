/**
 * fast-check with chance that can be repeated: every property test takes it from here. RINGWAY_PROPERTY_SEED is the
 * seed, RINGWAY_PROPERTY_RUNS how many times more inputs than usual are tried (`npm test -- fuzz` does that). What fails
 * is reported with seed and path.
 */
import fc from 'fast-check'

const SEED = 6940
const USUAL_RUNS = 100

/** @throws RangeError when the variable is there and is no whole number from `least` up */
function fromEnvironment(name: string, usual: number, least: number): number {
  const text = process.env[name] ?? ''
  if (text === '') return usual
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least) throw new RangeError(`${name} is a whole number from ${least} up, not ${text}`)
  return value
}

const factor = fromEnvironment('RINGWAY_PROPERTY_RUNS', 1, 1)
fc.configureGlobal({ seed: fromEnvironment('RINGWAY_PROPERTY_SEED', SEED, 0), numRuns: USUAL_RUNS * factor })

/** For a property that wants other than the usual hundred inputs. */
export const runs = (count: number): { readonly numRuns: number } => ({ numRuns: count * factor })

export { fc }
