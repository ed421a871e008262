import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { ChevronsUpDown, Keyboard, LogOut, Settings } from 'lucide-react'
import { accept, api } from '@/shared/api/client'
import { fleet } from '@/shared/fleet/fleet'
import { setTheme, type ThemeChoice, useThemeChoice } from '@/shared/lib/theme'
import { rememberSignedIn } from '@/shared/session/hint'
import { meQuery, sessionClosed } from '@/shared/session/session'
import { Menu } from '@/shared/ui/menu'
import { toastProblem } from '@/shared/ui/toast'
import { openShortcuts } from './overlays'

const THEMES: readonly { value: ThemeChoice; label: string }[] = [
  { value: 'system', label: 'As the system' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
]

export function useSignOut(): () => Promise<void> {
  const client = useQueryClient()
  const navigate = useNavigate()
  return async () => {
    try {
      await accept(api.POST('/api/v1/auth/logout'))
    } catch (error) {
      toastProblem('You are still signed in', error)
      return
    }
    rememberSignedIn(false)
    sessionClosed()
    fleet.clear()
    client.clear()
    await navigate({ to: '/login' })
  }
}

export function UserMenu() {
  const { data: me } = useQuery(meQuery)
  const choice = useThemeChoice()
  const navigate = useNavigate()
  const signOut = useSignOut()
  const name = me?.full_name || me?.username || ''
  return (
    <Menu
      align="start"
      className="w-52"
      trigger={
        <button
          type="button"
          className="flex w-full items-center gap-2.5 rounded-md p-1.5 text-left hover:bg-hover data-popup-open:bg-hover"
        >
          <span
            aria-hidden="true"
            className="grid size-7 shrink-0 place-items-center rounded-full bg-accent-soft font-semibold text-accent text-xs uppercase"
          >
            {name.slice(0, 1)}
          </span>
          <span className="sr-only">Account:</span>
          <span className="min-w-0 flex-1 leading-tight">
            <span className="block truncate font-medium">{name}</span>
            <span className="block text-2xs text-ink-3 capitalize">{me?.role}</span>
          </span>
          <ChevronsUpDown className="size-4 shrink-0 text-ink-3" aria-hidden="true" />
        </button>
      }
      entries={[
        {
          kind: 'choice',
          label: 'Theme',
          value: choice,
          options: THEMES,
          choose: (value) => setTheme(value as ThemeChoice),
        },
        { kind: 'line', id: 'after-theme' },
        {
          kind: 'action',
          label: 'Settings',
          icon: <Settings aria-hidden="true" />,
          run: () => void navigate({ to: '/settings' }),
        },
        {
          kind: 'action',
          label: 'Shortcuts',
          icon: <Keyboard aria-hidden="true" />,
          hint: '?',
          run: openShortcuts,
        },
        { kind: 'line', id: 'before-leaving' },
        {
          kind: 'action',
          label: 'Sign out',
          icon: <LogOut aria-hidden="true" />,
          run: () => void signOut(),
        },
      ]}
    />
  )
}
