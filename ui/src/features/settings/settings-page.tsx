import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import * as z from 'zod/mini'
import { api, unwrap } from '@/shared/api/client'
import type { User } from '@/shared/api/model'
import { useLeaveGuard } from '@/shared/lib/leave-guard'
import { type Density, setPrefs, usePrefs } from '@/shared/lib/prefs'
import { setTheme, type ThemeChoice, useThemeChoice } from '@/shared/lib/theme'
import { useForm } from '@/shared/lib/use-form'
import { decidesAboutPeople, meQuery } from '@/shared/session/session'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Segmented } from '@/shared/ui/segmented'
import { SettingsSection } from '@/shared/ui/settings-section'
import { Switch } from '@/shared/ui/switch'
import { TabNav, tabStyle } from '@/shared/ui/tab-nav'
import { toast, toastProblem } from '@/shared/ui/toast'

const TABS = [
  { to: '/settings', label: 'Profile' },
  { to: '/settings/security', label: 'Security' },
  { to: '/settings/sessions', label: 'Sessions' },
  { to: '/settings/tokens', label: 'API tokens' },
  { to: '/settings/keys', label: 'Agent keys' },
  { to: '/settings/system', label: 'System' },
] as const

/** Around all pages about oneself, and for those who decide, about the whole installation. */
export function SettingsLayout({ children }: { children: ReactNode }) {
  const { data: me } = useQuery(meQuery)
  const tabs = TABS.filter(({ to }) => to !== '/settings/system' || (me && decidesAboutPeople(me)))
  return (
    <div className="mx-auto max-w-3xl px-4 py-6 sm:px-6">
      <h1 className="font-semibold text-xl tracking-tight">Settings</h1>
      <TabNav label="Settings">
        {tabs.map((tab) => (
          <Link
            key={tab.to}
            to={tab.to}
            activeOptions={{ exact: tab.to === '/settings' }}
            className={tabStyle}
          >
            {tab.label}
          </Link>
        ))}
      </TabNav>
      <div className="mt-6 flex flex-col gap-10">{children}</div>
    </div>
  )
}

export function ProfilePage() {
  const { data: me } = useQuery(meQuery)
  return (
    <>
      <SettingsSection title="Profile" hint="Who you are here.">
        {me ? <Profile key={me.id} me={me} /> : null}
      </SettingsSection>
      <SettingsSection title="Appearance" hint="Kept in this browser.">
        <Appearance />
      </SettingsSection>
    </>
  )
}

const profileSchema = z.object({
  full_name: z.string().check(z.trim(), z.maxLength(128, 'Use at most 128 characters')),
  email: z.string().check(
    z.trim(),
    z.refine(
      (text) => text === '' || /^[^@\s]+@[^@\s]+$/.test(text),
      'This is not an e-mail address',
    ),
  ),
})
type ProfileForm = z.infer<typeof profileSchema>

const profileOf = (user: User): ProfileForm => ({
  full_name: user.full_name ?? '',
  email: user.email ?? '',
})

function Profile({ me }: { me: User }) {
  const client = useQueryClient()
  const save = useMutation({
    mutationFn: (values: ProfileForm) =>
      unwrap(
        api.PATCH('/api/v1/auth/me', {
          body: { full_name: values.full_name.trim() || null, email: values.email.trim() || null },
        }),
      ),
    onSuccess: (user) => {
      client.setQueryData(meQuery.queryKey, user)
      form.reset(profileOf(user))
      toast({ tone: 'ok', title: 'Profile saved' })
    },
    onError: (error) => {
      if (!form.refuse(error)) toastProblem('Profile not saved', error)
    },
  })
  const form = useForm<ProfileForm>(
    profileSchema,
    profileOf(me),
    (values) => save.isPending || save.mutate(values),
  )
  const { errors, dirty } = form
  useLeaveGuard(dirty)
  return (
    <form noValidate className="flex flex-col gap-4" onSubmit={form.submit}>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Name" optional error={errors.full_name}>
          {(control) => <Input {...control} {...form.field('full_name')} autoComplete="name" />}
        </Field>
        <Field label="E-mail" optional error={errors.email}>
          {(control) => (
            <Input {...control} {...form.field('email')} type="email" autoComplete="email" />
          )}
        </Field>
      </div>
      <p className="text-ink-2 text-xs">
        You sign in as <b className="font-medium text-ink">{me.username}</b>; your role is{' '}
        <b className="font-medium text-ink">{me.role}</b>.
      </p>
      <div className="flex items-center gap-3">
        <Button type="submit" variant="primary" disabled={!dirty} busy={save.isPending}>
          Save profile
        </Button>
        {dirty ? (
          <Button variant="quiet" onClick={() => form.reset()}>
            Discard
          </Button>
        ) : null}
        <span role="status" className="text-ink-3 text-xs">
          {dirty ? 'Not saved yet' : ''}
        </span>
      </div>
    </form>
  )
}

const THEMES: readonly { value: ThemeChoice; label: string }[] = [
  { value: 'system', label: 'As the system' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
]
const DENSITIES: readonly { value: Density; label: string }[] = [
  { value: 'compact', label: 'Compact' },
  { value: 'comfortable', label: 'Comfortable' },
]

function Appearance() {
  const theme = useThemeChoice()
  const density = usePrefs((prefs) => prefs.density)
  const singleKeys = usePrefs((prefs) => prefs.singleKeys)
  return (
    <div className="flex flex-col divide-y divide-line rounded-lg border border-line bg-surface [&>*]:px-4 [&>*]:py-3.5">
      <Row title="Theme">
        <Segmented label="Theme" value={theme} options={THEMES} onChange={setTheme} />
      </Row>
      <Row title="Rows of lists">
        <Segmented
          label="Rows of lists"
          value={density}
          options={DENSITIES}
          onChange={(value) => setPrefs({ density: value })}
        />
      </Row>
      <Switch
        label="Single-key shortcuts"
        hint="Keys without Ctrl, such as / and g s. They never fire while you type."
        checked={singleKeys}
        onChange={(checked) => setPrefs({ singleKeys: checked })}
      />
    </div>
  )
}

function Row({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <span className="font-medium">{title}</span>
      {children}
    </div>
  )
}
