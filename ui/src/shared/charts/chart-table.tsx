import { useMemo, useState } from 'react'
import { download } from '../lib/download'
import { type Unit, withUnit } from '../lib/format'
import { dateTime } from '../lib/time'
import { Button } from '../ui/button'
import { CopyButton } from '../ui/copy'
import { Dialog } from '../ui/dialog'
import { type ChartData, toCsv } from './data'

const PAGE = 200

/** The numbers behind a chart, newest first. */
export default function ChartTable({
  title,
  unit,
  labels,
  data,
  onClose,
}: {
  title: string
  unit: Unit
  labels: string[]
  data: ChartData
  onClose: () => void
}) {
  const [limit, setLimit] = useState(PAGE)
  const csv = useMemo(() => toCsv(data, labels), [data, labels])
  const total = data.t.length
  const rows = Array.from({ length: Math.min(limit, total) }, (_, index) => total - 1 - index)
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title={title}
      description={`${total} readings, newest first`}
      className="max-w-3xl"
      footer={
        <>
          <CopyButton text={csv} label="Copy CSV" />
          <Button size="sm" onClick={() => download(`${title}.csv`, 'text/csv', csv)}>
            Download CSV
          </Button>
        </>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard */}
      <section className="relative overflow-x-auto" tabIndex={0} aria-label={`${title} as a table`}>
        <table className="tnum w-full text-left text-xs">
          <thead>
            <tr className="border-line border-b text-ink-2">
              <th scope="col" className="py-1.5 pr-4 font-medium">
                Time
              </th>
              {labels.map((label) => (
                <th key={label} scope="col" className="py-1.5 pr-4 text-right font-medium">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((at) => (
              <tr key={data.t[at]} className="border-line border-b last:border-0">
                <th scope="row" className="whitespace-nowrap py-1 pr-4 font-normal text-ink-2">
                  {dateTime(data.t[at] ?? 0)}
                </th>
                {labels.map((label, line) => (
                  <td key={label} className="whitespace-nowrap py-1 pr-4 text-right">
                    {withUnit(data.lines[line]?.value[at], unit)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {limit < total ? (
        <Button className="mt-3" size="sm" onClick={() => setLimit(limit + PAGE)}>
          Show {Math.min(PAGE, total - limit)} more
        </Button>
      ) : null}
    </Dialog>
  )
}
