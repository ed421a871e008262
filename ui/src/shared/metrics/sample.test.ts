import { describe, expect, it } from 'vitest'
import { flatten, fullness } from './sample'

describe('flatten', () => {
  it('names values as the history API does', () => {
    const values = flatten({
      cpu: { total: 12.5, cores: [10, null] },
      load: { one: 0.5, five: 0.4, fifteen: 0.3 },
      mem: { total: 200, used: 50 },
      swap: { total: 0, used: 0 },
      host: { uptime_s: 7, running: 2 },
      fs: [
        { mount: '/', total: 110, used: 50, available: 50 },
        { mount: '/boot', total: 10, used: 8, available: 2 },
      ],
      disk: [
        { name: 'sda', read: 5, write: 7, util: 3 },
        { name: 'dm-0', read: 5, write: 7 },
      ],
      net: [
        { name: 'lo', rx: 100, tx: 100 },
        { name: 'eth0', rx: 3, tx: 4, rx_drops: 1 },
      ],
      temp: [
        { name: 'a', celsius: 40 },
        { name: 'b', celsius: 55.5 },
      ],
      containers: [{ id: '1', name: 'db', cpu: 2 }],
    })
    expect(Object.fromEntries(values)).toMatchObject({
      cpu: 12.5,
      cpu_steal: null,
      'core:0': 10,
      'core:1': null,
      load15: 0.3,
      mem: 25,
      swap: null,
      uptime_s: 7,
      procs_running: 2,
      'fs:/:used': 50,
      disk: 80,
      'disk:sda:util': 3,
      disk_read: 5,
      disk_write: 7,
      'net:eth0:rx_drops': 1,
      rx: 3,
      tx: 4,
      temp_max: 55.5,
      'temp:b:celsius': 55.5,
      'container:db:cpu': 2,
    })
  })

  it('counts virtual interfaces where there are no others', () => {
    const net = (name: string, rx: number) => ({ name, rx })
    expect(flatten({ net: [net('lo', 5), net('docker0', 9)] }).get('rx')).toBe(14)
    expect(flatten({ net: [net('lo', 5), net('lonely0', 9)] }).get('rx')).toBe(9)
  })

  it('leaves unknown what the host does not have', () => {
    const values = flatten({})
    expect(values.get('rx')).toBeNull()
    expect(values.get('mem')).toBeNull()
    expect(values.get('temp_max')).toBeNull()
  })

  it('measures fullness against what users can have, as df does', () => {
    expect(fullness({ mount: '/', total: 110, used: 50, available: 50 })).toBe(50)
    expect(fullness({ mount: '/', total: 100, used: 25 })).toBeNull()
    expect(fullness({ mount: '/' })).toBeNull()
  })
})
