#!/usr/bin/env node
// Draws assets/icons from assets/icon.svg and assets/tray.svg with a Chromium: node scripts/icons.mjs
// Needed only after a change of the drawings; what it makes is committed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { root } from './lib/paths.mjs'
import { which } from './lib/system.mjs'

const icon = readFileSync(join(root, 'assets/icon.svg'), 'utf8')
const tray = readFileSync(join(root, 'assets/tray.svg'), 'utf8')
const dot = (colour) => tray.replace('</svg>', `<circle cx="49" cy="49" r="14" fill="${colour}" stroke="#fff" stroke-width="3"/></svg>`)
const grey = tray.replace('#4a54cf', '#6b7080')

const pictures = [16, 24, 32, 48, 64, 128, 256, 512].map((size) => [`${size}x${size}.png`, icon, size])
for (const [name, svg] of [['online', tray], ['offline', grey], ['attention', dot('#e5484d')]]) {
  pictures.push([`../tray/tray-${name}.png`, svg, 22], [`../tray/tray-${name}@2x.png`, svg, 44])
}
pictures.push(['icon.png', icon, 1024])

const browser = await chromium.launch({ executablePath: which('chromium'), args: ['--no-sandbox'] })
const page = await browser.newPage({ deviceScaleFactor: 1 })
for (const folder of ['icons', 'tray']) mkdirSync(join(root, 'assets', folder), { recursive: true })
for (const [name, svg, size] of pictures) {
  await page.setViewportSize({ width: size, height: size })
  await page.setContent(`<style>html,body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`)
  // icon.png lies outside of the folder of sizes, which electron-builder reads by name
  writeFileSync(join(root, name === 'icon.png' ? 'assets' : 'assets/icons', name), await page.screenshot({ omitBackground: true }))
}
await browser.close()
