/** Moments as a schedule means them: in its own time zone. */

/** "Tue 24 Nov 2026, 02:30", with seconds where wanted; null where the browser does not know the zone. */
export function inZone(ms: number, zone: string, withSeconds = false): string | null {
  try {
    const parts = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    }).formatToParts(ms)
    const get = (type: Intl.DateTimeFormatPartTypes) =>
      parts.find((part) => part.type === type)?.value ?? ''
    const seconds = withSeconds ? `:${get('second')}` : ''
    return `${get('weekday')} ${get('day')} ${get('month')} ${get('year')}, ${get('hour')}:${get('minute')}${seconds}`
  } catch {
    return null
  }
}

/** The zone of this browser. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone

/** Zones that a browser knows, to choose from; others can be typed. */
export const knownZones = (): string[] => ['UTC', ...Intl.supportedValuesOf('timeZone')]
