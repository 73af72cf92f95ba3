/** A promise settled from outside (`Promise.withResolvers` is younger than the oldest runtime). */
export interface Deferred<T> { readonly promise: Promise<T>; resolve(value: T): void; reject(cause: Error): void }

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (cause: Error) => void
  const promise = new Promise<T>((res, rej) => { resolve = res; reject = rej })
  return { promise, resolve, reject }
}
