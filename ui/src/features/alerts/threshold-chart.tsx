/** Readings with the limits they were held against, and the stretches in which they were beyond. A picture: the numbers stand beside it in a table. */
import { useEffect, useRef, useState } from 'react'
import { axisLabel, type Unit, withUnit } from '@/shared/lib/format'
import { clock, clockShort, dateTime } from '@/shared/lib/time'
import { bandOf, type Curve, pathOf, scaleOf, xOf, yOf } from './drawing'

const COLOURS = ['var(--s1)', 'var(--s2)', 'var(--s4)', 'var(--s5)', 'var(--s7)', 'var(--s8)']
const HEIGHT = 168
const LEFT = 76
const BOTTOM = 20
const DAY = 86_400_000

export interface Limit {
  limit: number
  clear: number | null
}

export function ThresholdChart({
  label,
  unit,
  curves,
  limits,
  bands = [],
  window,
  mark,
}: {
  /** Said to those who cannot see it: what it shows, in a sentence. */
  label: string
  unit: Unit
  curves: readonly Curve[]
  limits: readonly Limit[]
  bands?: readonly { from: number; to: number }[]
  window?: { from: number; to: number }
  /** A moment that matters, such as the one at which it was raised. */
  mark?: { at: number; label: string }
}) {
  const host = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(560)
  useEffect(() => {
    const element = host.current
    if (!element) return
    const watch = new ResizeObserver(() => setWidth(Math.max(180, element.clientWidth)))
    watch.observe(element)
    return () => watch.disconnect()
  }, [])
  const frame = { width: width - 8, height: HEIGHT, left: LEFT, bottom: BOTTOM }
  const lines = limits.flatMap(({ limit, clear }) => (clear === null ? [limit] : [limit, clear]))
  const scale = scaleOf(unit, curves, lines, window)
  const span = scale.to - scale.from
  const moment =
    span >= DAY ? (ms: number) => dateTime(ms).slice(5, 16) : span > 600_000 ? clockShort : clock
  const ticks = [scale.low, (scale.low + scale.high) / 2, scale.high]
  return (
    <div ref={host} className="min-w-0">
      <svg
        role="img"
        aria-label={label}
        width="100%"
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        className="tnum block text-2xs"
      >
        {bands.map((band) => (
          <rect
            key={`${band.from}-${band.to}`}
            {...bandOf(band, scale, frame)}
            y={6}
            height={HEIGHT - BOTTOM - 6}
            fill="var(--bad)"
            opacity={0.16}
          />
        ))}
        {ticks.map((value) => {
          const y = yOf(value, scale, frame)
          return (
            <g key={value}>
              <line x1={LEFT} x2={frame.width} y1={y} y2={y} stroke="var(--grid)" />
              <text x={LEFT - 6} y={y + 3.5} textAnchor="end" fill="var(--ink-3)">
                {axisLabel(value, unit)}
              </text>
            </g>
          )
        })}
        {[scale.from, scale.to].map((at, index) => (
          <text
            key={at}
            x={index === 0 ? LEFT : frame.width}
            y={HEIGHT - 5}
            textAnchor={index === 0 ? 'start' : 'end'}
            fill="var(--ink-3)"
          >
            {moment(at)}
          </text>
        ))}
        {curves.map((curve, index) => (
          <path
            key={curve.label}
            d={pathOf(curve, scale, frame)}
            fill="none"
            stroke={COLOURS[index % COLOURS.length]}
            strokeWidth={1.6}
            strokeLinecap="round"
            strokeLinejoin="round"
          />
        ))}
        {curves.flatMap((curve, index) => {
          // A line needs two ends; what is less than that is shown as what it is.
          const there = curve.points.filter(({ value }) => value !== null)
          if (there.length > 1) return []
          return there.map(({ at, value }) => (
            <circle
              key={curve.label}
              cx={xOf(at, scale, frame)}
              cy={yOf(value ?? 0, scale, frame)}
              r={3}
              fill={COLOURS[index % COLOURS.length]}
            />
          ))
        })}
        {limits.map(({ limit, clear }) => (
          <g key={`${limit} ${clear}`} stroke="var(--bad)" strokeWidth={1.4}>
            <line
              x1={LEFT}
              x2={frame.width}
              y1={yOf(limit, scale, frame)}
              y2={yOf(limit, scale, frame)}
            />
            {clear === null ? null : (
              <line
                x1={LEFT}
                x2={frame.width}
                y1={yOf(clear, scale, frame)}
                y2={yOf(clear, scale, frame)}
                strokeDasharray="4 4"
              />
            )}
          </g>
        ))}
        {mark ? (
          <line
            x1={xOf(mark.at, scale, frame)}
            x2={xOf(mark.at, scale, frame)}
            y1={6}
            y2={HEIGHT - BOTTOM}
            stroke="var(--ink-2)"
            strokeDasharray="2 3"
          >
            <title>{mark.label}</title>
          </line>
        ) : null}
      </svg>
      <ul className="mt-1 flex flex-wrap gap-x-4 gap-y-1 text-2xs text-ink-2" aria-hidden="true">
        {curves.map((curve, index) => (
          <li key={curve.label} className="flex min-w-0 items-center gap-1.5">
            <span
              className="h-0.5 w-3 shrink-0"
              style={{ background: COLOURS[index % COLOURS.length] }}
            />
            <span className="truncate">{curve.label}</span>
          </li>
        ))}
        {limits.length > 0 ? (
          <li className="flex items-center gap-1.5">
            <span className="h-0.5 w-3 bg-bad" />
            {limits
              .map(({ limit, clear }) =>
                clear === null
                  ? `limit ${withUnit(limit, unit)}`
                  : `limit ${withUnit(limit, unit)}, over at ${withUnit(clear, unit)}`,
              )
              .join('; ')}
          </li>
        ) : null}
      </ul>
    </div>
  )
}
