import { describe, expect, it } from 'vitest'
import { WaitingRoom } from '../../../../src-main/base/waitingRoom.ts'
import { fc } from '../../../support/properties.ts'

function room(limit: number): { readonly room: WaitingRoom<string>; readonly gone: string[] } {
  const gone: string[] = []
  return { room: new WaitingRoom<string>(limit, (item) => { gone.push(item) }), gone }
}

describe('a waiting room', () => {
  it('that is full makes room at the cost of the sources that have most, the oldest first', () => {
    const { room: waiting, gone } = room(4)
    for (const item of ['a1', 'b1', 'a2', 'a3', 'c1', 'b2', 'd1']) waiting.enter(item, item.slice(0, 1))
    expect(gone).toEqual(['a1', 'b1', 'a2'])
  })

  it('lets a source push out only its own, as long as it has more than any other', () => {
    const { room: waiting, gone } = room(10)
    waiting.enter('phone', 'office')
    for (let i = 0; i < 1000; i++) waiting.enter(`flood${i}`, 'flooder')
    expect([waiting.has('phone'), gone.includes('phone'), waiting.size]).toEqual([true, false, 10])
  })

  it('takes those who come behind the flooder’s own address, too: the oldest goes', () => {
    const { room: waiting } = room(3)
    for (let i = 0; i < 9; i++) waiting.enter(`flood${i}`, 'x')
    waiting.enter('phone', 'x')
    expect(waiting.has('phone')).toBe(true)
    expect(waiting.leave('phone')).toBe(true)
    expect(waiting.leave('phone')).toBe(false)
  })

  it('never holds more than its limit, and counts rightly whoever comes and goes', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(3), fc.boolean()), { maxLength: 80 }), (steps) => {
      const { room: waiting, gone } = room(4)
      const inside = new Set<string>()
      for (const [n, source, comes] of steps) {
        const item = `${source}-${n}`
        if (comes) { waiting.enter(item, String(source)); inside.add(item) } else expect(waiting.leave(item)).toBe(inside.delete(item))
        for (const each of gone.splice(0)) inside.delete(each)
        expect(waiting.size).toBe(inside.size)
        expect(waiting.size).toBeLessThanOrEqual(4)
        for (const each of inside) expect(waiting.has(each)).toBe(true)
      }
    }))
  })
})
