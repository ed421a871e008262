import { describe, expect, it } from 'vitest'
import { deviceSections, devices, systemSection } from './catalogue'

describe('catalogue', () => {
  it('cuts device names out of series names, whatever they hold', () => {
    const names = ['fs:/:used', 'fs:/mnt/a:b:used', 'fs:/mnt/a:b:total', 'core:0', 'core:11', 'cpu']
    expect(devices(names, 'fs')).toEqual(['/', '/mnt/a:b'])
    expect(devices(names, 'core')).toEqual(['0', '11'])
    expect(devices(names, 'disk')).toEqual([])
  })

  it('shows only what the host has', () => {
    const section = systemSection(new Set(['cpu_user', 'mem_used', 'load1']), { memory: 1024 })
    expect(section.charts.map((chart) => chart.id)).toEqual(['cpu', 'memory', 'load'])
    expect(section.charts[1]?.top).toBe(1024)
    expect(systemSection(new Set(), { memory: null }).charts).toHaveLength(4)
  })

  it('splits many cores over several charts and puts real interfaces first', () => {
    const names = [
      ...Array.from({ length: 80 }, (_, core) => `core:${core}`),
      'net:docker0:rx',
      'net:eth0:rx',
      'net:lo:rx',
    ]
    const sections = deviceSections(names)
    expect(sections.map((section) => section.id)).toEqual(['cores', 'interfaces'])
    expect(sections[0]?.charts.map((chart) => chart.title)).toEqual([
      'Cores 0–31',
      'Cores 32–63',
      'Cores 64–79',
    ])
    expect(sections[1]?.charts[0]?.title).toBe('eth0 traffic')
  })

  it('computes how full a file system is', () => {
    const [section] = deviceSections(['fs:/:used'])
    const line = section?.charts[0]?.lines[0]
    expect(line?.inputs).toEqual(['fs:/:used', 'fs:/:available'])
    expect(line?.compute?.([25, 75])).toBe(25)
    expect(line?.compute?.([25, null])).toBeNull()
    expect(line?.compute?.([0, 0])).toBeNull()
  })
})
