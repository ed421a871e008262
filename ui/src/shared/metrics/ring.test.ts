import { describe, expect, it } from 'vitest'
import { Ring } from './ring'

const values = (entries: Record<string, number | null>) => new Map(Object.entries(entries))

describe('Ring', () => {
  it('keeps columns aligned while series come and go', () => {
    const ring = new Ring(10)
    ring.push(1, values({ cpu: 1 }))
    ring.push(2, values({ cpu: 2, 'fs:/': 20 }))
    ring.push(3, values({ 'fs:/': 30 }))
    expect(ring.times).toEqual([1, 2, 3])
    expect(ring.column('cpu')).toEqual([1, 2, null])
    expect(ring.column('fs:/')).toEqual([null, 20, 30])
    expect(ring.column('gone')).toBeUndefined()
  })

  it('refuses readings that are not newer', () => {
    const ring = new Ring(10)
    expect(ring.push(5, values({ cpu: 1 }))).toBe(true)
    expect(ring.push(5, values({ cpu: 2 }))).toBe(false)
    expect(ring.push(4, values({ cpu: 3 }))).toBe(false)
    expect(ring.column('cpu')).toEqual([1])
  })

  it('stays bounded, keeps the newest and forgets series that ended', () => {
    const ring = new Ring(100)
    ring.push(0, values({ old: 1 }))
    for (let i = 1; i < 1_000; i++) ring.push(i, values({ cpu: i }))
    expect(ring.length).toBeGreaterThanOrEqual(100)
    expect(ring.length).toBeLessThanOrEqual(125)
    expect(ring.lastTime).toBe(999)
    expect(ring.column('cpu')?.at(-1)).toBe(999)
    expect(ring.column('cpu')).toHaveLength(ring.length)
    expect(ring.names()).toEqual(['cpu'])
  })
})
