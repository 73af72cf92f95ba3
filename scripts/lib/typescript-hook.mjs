// Preloaded (--import) where Node itself runs the project's TypeScript: gives it the alias of tsconfig.base.json.
import { registerHooks } from 'node:module'

const shared = new URL('../../src-shared/', import.meta.url)

registerHooks({
  resolve: (specifier, context, next) => next(specifier.startsWith('@shared/') ? new URL(specifier.slice('@shared/'.length), shared).href : specifier, context),
})
