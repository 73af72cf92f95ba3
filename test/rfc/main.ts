/** npm run coverage:rfc: checks the list of items and writes docs/rfc-coverage.md. Exit code 1 when the list is not right. */
import { writeFileSync } from 'node:fs'
import { page, problemsOf, readItems, render, stateOf } from './coverage.ts'

const items = readItems()
const problems = problemsOf(items)
writeFileSync(page, render(items))
for (const problem of problems) console.error(problem)
const number = (state: string): number => items.filter((item) => stateOf(item) === state).length
console.log(`${items.length} items: ${number('tested')} tested, ${number('in part')} in part, ${number('open')} open; ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
