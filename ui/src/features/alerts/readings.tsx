/** The readings that raised an alert: drawn with the limit, and as the numbers they were. */
import type { AlertDetail } from '@/shared/api/model'
import { plural } from '@/shared/lib/format'
import { dateTime } from '@/shared/lib/time'
import { Table } from '@/shared/ui/table'
import type { Curve } from './drawing'
import { labelOf, unitOf, valueText } from './series'
import { limitsOf } from './simple'
import { ThresholdChart } from './threshold-chart'

export function Readings({ detail }: { detail: AlertDetail }) {
  const { evidence, values, rule, device, wording } = detail
  if (evidence.length === 0 || values.length === 0) {
    return (
      <section aria-labelledby="why" className="card min-w-0 p-4">
        <h2 id="why" className="mb-2 font-medium">
          Why it fired
        </h2>
        <p>
          <code className="break-words font-mono">{wording}</code>
        </p>
        <p className="mt-1 text-ink-2">It is about something that happened, not about a number.</p>
      </section>
    )
  }
  const limits = limitsOf(rule?.when)
  return (
    <section aria-labelledby="why" className="card min-w-0 p-4">
      <h2 id="why" className="mb-2 font-medium">
        Why it fired
      </h2>
      <div className="flex flex-col gap-5">
        {values.map(({ series, value }, index) => {
          const curve: Curve = {
            label: device ? `${labelOf(series)}, ${device}` : labelOf(series),
            points: evidence.map((reading) => ({
              at: Date.parse(reading.at),
              value: reading.values[index] ?? null,
            })),
          }
          const limit = limits[index]
          const said = limit ? `, limit ${valueText(series, limit.limit)}` : ''
          return (
            <ThresholdChart
              // biome-ignore lint/suspicious/noArrayIndexKey: comparisons never move, and may repeat
              key={index}
              label={`${curve.label}: ${valueText(series, value)} when it was raised${said}`}
              unit={unitOf(series)}
              curves={[curve]}
              limits={limit ? [limit] : []}
            />
          )
        })}
      </div>
      <details className="mt-3">
        <summary className="cursor-pointer text-ink-2 text-sm hover:text-ink">
          The {plural(evidence.length, 'reading')}
        </summary>
        <Table
          className="mt-2"
          label="Readings"
          columns={['Time at the host', ...values.map(({ series }) => series)]}
        >
          {[...evidence].reverse().map((reading) => (
            <tr key={reading.at}>
              <th scope="row" className="tnum w-full whitespace-nowrap">
                {dateTime(Date.parse(reading.at))}
              </th>
              {values.map(({ series }, index) => (
                <td
                  // biome-ignore lint/suspicious/noArrayIndexKey: comparisons never move, and may repeat
                  key={index}
                  className="tnum whitespace-nowrap"
                >
                  {valueText(series, reading.values[index])}
                </td>
              ))}
            </tr>
          ))}
        </Table>
      </details>
    </section>
  )
}
