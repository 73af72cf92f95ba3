declare module '*.vue' {
  import type { DefineComponent } from 'vue'
  const component: DefineComponent<object, object, unknown>
  export default component
}
declare module '*.css'
declare module '@fontsource-variable/inter'
interface ImportMeta { glob(pattern: string, options: { query: string; import: string; eager: boolean }): Record<string, unknown> }
