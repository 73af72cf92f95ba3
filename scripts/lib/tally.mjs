// Counts what the stages of `npm test` did. A stage with a test runner counts its tests, any other counts as one; what
// fails outside of a test (a file that does not load, a crash, a stage that runs too long) counts as one failure.

/** @param report vitest's JSON report, or undefined when there is none; @param code the exit code */
export function countVitest(report, code) {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const brokenFiles = (report.testResults ?? []).filter((file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')).length
  const passed = report.numPassedTests ?? 0
  const failed = (report.numFailedTests ?? 0) + brokenFiles
  const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0)
  // passed tests but a failed run: an error that no test caught
  if (code !== 0 && failed === 0) return { passed, failed: 1, skipped }
  return { passed, failed, skipped }
}

export const countPlain = (code) => (code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 })

export function total(counts) {
  return counts.reduce((sum, one) => ({ passed: sum.passed + one.passed, failed: sum.failed + one.failed, skipped: sum.skipped + one.skipped }), { passed: 0, failed: 0, skipped: 0 })
}
