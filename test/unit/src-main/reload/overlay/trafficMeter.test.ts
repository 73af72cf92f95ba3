import { expect, test } from 'vitest'
import { TrafficMeter } from '../../../../../src-main/reload/overlay/trafficMeter.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

test('sent = alpha x sent_present + (1 - alpha) x sent_last, every five seconds; the first is the average of its time (RFC 7851 §5.3)', () => {
  const clock = new VirtualClock()
  const total = { sent: 0, received: 1000 }
  const meter = new TrafficMeter(clock, () => total)
  meter.start()
  expect(meter.bytesPerSecond).toBeUndefined()
  total.sent += 500
  clock.advance(5_000)
  expect(meter.bytesPerSecond).toEqual({ sent: 100, received: 0 })
  total.sent += 1_000
  total.received += 6
  clock.advance(5_000)
  // 0.8 · 200 + 0.2 · 100, and 0.8 · 1.2 + 0.2 · 0, rounded up
  expect(meter.bytesPerSecond).toEqual({ sent: 180, received: 1 })
  clock.advance(5_000)
  expect(meter.bytesPerSecond).toEqual({ sent: 36, received: 1 })
  meter.start()
  meter.stop()
  expect([meter.bytesPerSecond, clock.pending]).toEqual([undefined, 0])
})
