import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'
import vue from 'eslint-plugin-vue'
import a11y from 'eslint-plugin-vuejs-accessibility'

// The core takes time, chance and I/O from ports/; its machines are synchronous (docs/ARCHITECTURE.md).
const core = 'src-main/{base,ports,sdp,stun,turn,sip,reload,connectivity,p2psip,enrollment,phone}'
const globals = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Date', 'performance', 'fetch', 'process', 'crypto', 'console']

export default defineConfig([
  globalIgnores(['out/', 'dist/', 'docs/', 'coverage/']),
  tseslint.configs.recommended,
  vue.configs['flat/recommended'],
  a11y.configs['flat/recommended'],
  { files: ['**/*.vue'], languageOptions: { parserOptions: { parser: tseslint.parser } } },
  {
    files: ['src-*/**/*.ts', 'test/**/*.ts'],
    languageOptions: { parserOptions: { project: ['./tsconfig.node.json', './tsconfig.web.json', './tsconfig.e2e.json'], tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    rules: {
      'no-empty': ['error', { allowEmptyCatch: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'vue/multi-word-component-names': 'off',
      'vue/max-attributes-per-line': 'off', 'vue/singleline-html-element-content-newline': 'off', 'vue/html-closing-bracket-newline': 'off',
      'vue/attributes-order': 'off', 'vue/html-indent': 'off', 'vue/multiline-html-element-content-newline': 'off', 'vue/html-self-closing': 'off',
      'vuejs-accessibility/label-has-for': ['error', { required: { some: ['nesting', 'id'] } }],
    },
  },
  {
    files: [`${core}/**/*.ts`],
    rules: {
      'no-restricted-globals': ['error', ...globals.map((name) => ({ name, message: 'use a port' }))],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'use ports/random' }],
      'max-lines': ['error', { max: 400, skipComments: true, skipBlankLines: true }],
    },
  },
  {
    files: ['test/**/*.ts'],
    ignores: ['test/support/properties.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: [{ name: 'fast-check', message: 'take it from test/support/properties.ts, which seeds it' }] }] },
  },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
])
