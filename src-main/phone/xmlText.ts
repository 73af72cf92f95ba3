/** Text in XML documents that we write: what XML 1.0 does not allow is left out. */
const named: Record<string, string> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' }

export function escapeXml(text: string): string {
  return Array.from(text, (c) => {
    const code = c.codePointAt(0) ?? 0
    if (code < 0x20 && code !== 0x0a && code !== 0x09) return ''
    return code >= 0xd800 && code <= 0xdfff ? '\ufffd' : c
  }).join('').replace(/[&<>"']/g, (c) => `&${named[c] ?? ''};`)
}
