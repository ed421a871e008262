import { isMac } from '@/shared/lib/hotkeys'
import { setPrefs, usePrefs } from '@/shared/lib/prefs'
import { Dialog } from '@/shared/ui/dialog'
import { Kbd } from '@/shared/ui/kbd'
import { Switch } from '@/shared/ui/switch'
import { setShortcuts, useOverlays } from './overlays'

const mod = isMac ? '⌘' : 'Ctrl'

const GROUPS: { title: string; keys: [string[], string][] }[] = [
  {
    title: 'Everywhere',
    keys: [
      [[mod, 'K'], 'Search and jump'],
      [['?'], 'This list'],
      [['g', 's'], 'Go to servers'],
      [['g', 't'], 'Go to alerts'],
      [['g', 'c'], 'Go to commands'],
      [['g', 'p'], 'Go to people'],
      [['g', 'a'], 'Go to the audit log'],
      [['g', ','], 'Go to settings'],
      [['/'], 'Filter the list'],
    ],
  },
  {
    title: 'Servers',
    keys: [
      [['↑', '↓'], 'Move between servers'],
      [['Enter'], 'Open the server'],
      [['x'], 'Select the server'],
      [['Shift', '↑', '↓'], 'Select several'],
      [['n'], 'Add a server'],
      [['Alt', '←', '→'], 'Resize, on a column title'],
    ],
  },
  {
    title: 'Alerts',
    keys: [
      [['↑', '↓'], 'Move between alerts'],
      [['Enter'], 'Open the alert'],
      [['x'], 'Select the alert'],
      [['a'], 'Acknowledge it, or all selected'],
      [['m'], 'Silence it'],
    ],
  },
  {
    title: 'Running a command',
    keys: [
      [['Enter'], 'Run'],
      [['Shift', 'Enter'], 'A further line'],
      [['↑', '↓'], 'What was run before'],
    ],
  },
  {
    title: 'Charts of a server',
    keys: [
      [['p'], 'Pause or play'],
      [['['], 'Earlier'],
      [[']'], 'Later'],
      [['t', '-'], 'Zoom out'],
      [['t', 'c'], 'Copy the time range'],
      [['t', 'v'], 'Paste a time range'],
    ],
  },
  {
    title: 'On a focused chart',
    keys: [
      [['←', '→'], 'Read single values'],
      [['Shift', '←', '→'], 'Mark a stretch'],
      [['Enter'], 'Zoom to the mark'],
      [['−'], 'Zoom out'],
      [['Esc'], 'Clear'],
    ],
  },
]

export default function Shortcuts() {
  const open = useOverlays((state) => state.shortcuts)
  const singleKeys = usePrefs((prefs) => prefs.singleKeys)
  return (
    <Dialog
      open={open}
      onOpenChange={setShortcuts}
      title="Keyboard shortcuts"
      className="max-w-2xl"
    >
      <div className="grid gap-x-10 gap-y-5 sm:grid-cols-2">
        {GROUPS.map((group) => (
          <section key={group.title}>
            <h3 className="mb-1.5 font-medium text-ink-3 text-xs">{group.title}</h3>
            <dl>
              {group.keys.map(([keys, what]) => (
                <div key={what} className="flex items-center justify-between gap-4 py-1">
                  <dt>{what}</dt>
                  <dd className="flex gap-1">
                    {keys.map((key) => (
                      <Kbd key={key}>{key}</Kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <div className="mt-6 border-line border-t pt-4">
        <Switch
          label="Single-key shortcuts"
          hint="Keys without Ctrl, such as / and g s. They never fire while you type."
          checked={singleKeys}
          onChange={(checked) => setPrefs({ singleKeys: checked })}
        />
      </div>
    </Dialog>
  )
}
