import { type ReactNode, useId } from 'react'

export function SettingsSection({
  title,
  hint,
  children,
}: {
  title: string
  hint?: ReactNode
  children: ReactNode
}) {
  const id = useId()
  return (
    <section aria-labelledby={id}>
      <h2 id={id} className="font-semibold text-base tracking-tight">
        {title}
      </h2>
      {hint ? <p className="mb-3 text-ink-2">{hint}</p> : null}
      {children}
    </section>
  )
}
