import { Link } from '@tanstack/react-router'
import { Bookmark, ChevronDown, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { type SavedView, saveView, setPrefs, usePrefs } from '@/shared/lib/prefs'
import { Button } from '@/shared/ui/button'
import { Input } from '@/shared/ui/input'
import { Popover } from '@/shared/ui/popover'
import { toast } from '@/shared/ui/toast'

type Shown = Omit<SavedView, 'name'>

const same = (a: Shown, b: Shown): boolean => a.q === b.q && a.sort === b.sort && a.cols === b.cols

/** Saved filters with their order and columns. Each is a link, so it can be shared as an address. */
export function ViewsMenu({ current }: { current: Shown }) {
  const views = usePrefs((prefs) => prefs.views)
  const [open, setOpen] = useState(false)
  const [name, setName] = useState('')
  const shown = views.find((view) => same(view, current))
  const replaces = views.some((view) => view.name === name.trim())

  const remove = (view: SavedView) => {
    const before = views
    setPrefs({ views: views.filter((other) => other !== view) })
    toast({
      tone: 'info',
      title: `View “${view.name}” removed`,
      action: { label: 'Undo', run: () => setPrefs({ views: before }) },
    })
  }

  return (
    <Popover
      open={open}
      onOpenChange={(next) => {
        setOpen(next)
        setName('')
      }}
      title="Saved views"
      className="w-72 p-2"
      trigger={
        <Button aria-pressed={shown !== undefined}>
          <Bookmark aria-hidden="true" />
          <span className="max-w-32 truncate">{shown?.name ?? 'Views'}</span>
          <ChevronDown aria-hidden="true" className="text-ink-3" />
        </Button>
      }
    >
      {views.length === 0 ? (
        <p className="px-2 py-1.5 text-ink-2 text-xs">
          No saved views. Filter or sort the list, then keep it here under a name.
        </p>
      ) : (
        <ul aria-label="Saved views">
          {views.map((view) => (
            <li
              key={view.name}
              className="flex items-center gap-1 rounded-md has-[a:hover]:bg-hover"
            >
              <Link
                to="/servers"
                search={{ q: view.q, sort: view.sort, cols: view.cols }}
                activeOptions={{ exact: true }}
                aria-current={view === shown ? 'true' : undefined}
                onClick={() => setOpen(false)}
                className="min-w-0 flex-1 rounded-md px-2 py-1.5 aria-[current]:font-medium aria-[current]:text-accent touch:py-3"
              >
                <span className="block truncate">{view.name}</span>
                <span className="block truncate font-mono text-2xs text-ink-3">
                  {view.q ?? 'all servers'}
                </span>
              </Link>
              <Button
                size="iconSm"
                variant="quiet"
                aria-label={`Remove the view ${view.name}`}
                onClick={() => remove(view)}
              >
                <Trash2 aria-hidden="true" />
              </Button>
            </li>
          ))}
        </ul>
      )}
      <form
        className="mt-2 flex gap-2 border-line border-t pt-2"
        onSubmit={(event) => {
          event.preventDefault()
          if (name.trim() === '') return
          saveView({ name: name.trim(), ...current })
          setName('')
        }}
      >
        <Input
          aria-label="Name of the view"
          aria-describedby="view-note"
          placeholder="Name of this view"
          className="h-8 text-sm"
          maxLength={40}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" disabled={name.trim() === ''}>
          {replaces ? 'Replace' : 'Save'}
        </Button>
      </form>
      <p id="view-note" className="mt-1.5 px-1 text-2xs text-ink-3">
        Filter, order and columns as they are now. Kept in this browser.
      </p>
    </Popover>
  )
}
