import { ArrowDown, ArrowUp, SlidersHorizontal } from 'lucide-react'
import { type Density, setPrefs, usePrefs } from '@/shared/lib/prefs'
import { Button } from '@/shared/ui/button'
import { Popover } from '@/shared/ui/popover'
import { Segmented } from '@/shared/ui/segmented'
import { COLUMNS, type ColumnId, DEFAULT_COLUMNS } from './columns'

const DENSITIES: readonly { value: Density; label: string }[] = [
  { value: 'compact', label: 'Compact' },
  { value: 'comfortable', label: 'Comfortable' },
]

/** Which columns, in which order, how tall the rows; and the list as a file. */
export function ColumnsMenu({
  columns,
  onChange,
  onCsv,
}: {
  columns: readonly ColumnId[]
  onChange: (columns: ColumnId[] | null) => void
  onCsv: () => void
}) {
  const density = usePrefs((prefs) => prefs.density)
  const hidden = COLUMNS.filter((column) => !columns.includes(column.id))
  const label = (id: ColumnId) => COLUMNS.find((column) => column.id === id)?.label ?? id
  const move = (index: number, by: -1 | 1) => {
    const next = [...columns]
    const [moved] = next.splice(index, 1)
    if (moved) next.splice(index + by, 0, moved)
    onChange(next)
  }
  return (
    <Popover
      title="View of the list"
      trigger={
        <Button size="icon" aria-label="View: columns and density">
          <SlidersHorizontal aria-hidden="true" />
        </Button>
      }
      className="w-72"
    >
      <div className="flex items-center justify-between gap-3 px-1">
        <span className="font-medium text-xs">Rows</span>
        <Segmented
          label="Row height"
          value={density}
          options={DENSITIES}
          onChange={(value) => setPrefs({ density: value })}
        />
      </div>
      <div className="mt-3 flex items-center justify-between px-1">
        <span className="font-medium text-xs">Columns</span>
        <Button
          size="sm"
          variant="quiet"
          onClick={() => {
            setPrefs({ widths: {} })
            onChange(null)
          }}
        >
          Reset
        </Button>
      </div>
      <ul>
        {columns.map((id, index) => (
          <li key={id} className="flex min-h-8 items-center gap-1 rounded-md px-1 hover:bg-hover">
            <label className="flex min-w-0 flex-1 cursor-pointer items-center gap-2.5">
              <input
                type="checkbox"
                className="size-4 accent-(--accent)"
                checked
                disabled={id === 'name'}
                onChange={() => onChange(columns.filter((other) => other !== id))}
              />
              {label(id)}
            </label>
            <Button
              size="iconSm"
              variant="quiet"
              aria-label={`Move ${label(id)} to the left`}
              disabled={index === 0}
              onClick={() => move(index, -1)}
            >
              <ArrowUp aria-hidden="true" />
            </Button>
            <Button
              size="iconSm"
              variant="quiet"
              aria-label={`Move ${label(id)} to the right`}
              disabled={index === columns.length - 1}
              onClick={() => move(index, 1)}
            >
              <ArrowDown aria-hidden="true" />
            </Button>
          </li>
        ))}
        {hidden.map((column) => (
          <li key={column.id} className="flex min-h-8 items-center rounded-md px-1 hover:bg-hover">
            <label className="flex flex-1 cursor-pointer items-center gap-2.5 text-ink-2">
              <input
                type="checkbox"
                className="size-4 accent-(--accent)"
                checked={false}
                onChange={() => onChange([...columns, column.id])}
              />
              {column.label}
            </label>
          </li>
        ))}
      </ul>
      <div className="mt-2 border-line border-t pt-2">
        <Button size="sm" className="w-full" onClick={onCsv}>
          Download this list as CSV
        </Button>
      </div>
    </Popover>
  )
}

export const isDefaultColumns = (columns: readonly string[]): boolean =>
  columns.join() === DEFAULT_COLUMNS.join()
