import type { ReactNode } from 'react'
import { BrandMark } from '@/shared/ui/brand'

/** The page around signing in: one column, nothing to look at but the form. */
export function AuthLayout({
  title,
  lead,
  children,
  below,
}: {
  title: string
  lead: ReactNode
  children: ReactNode
  below?: ReactNode
}) {
  return (
    <div className="relative flex min-h-dvh flex-col overflow-hidden">
      <Pulse />
      <header className="flex items-center gap-2.5 p-5 font-semibold text-base tracking-tight sm:p-7">
        <BrandMark />
        ChatOps
      </header>
      <main className="relative mx-auto flex w-full max-w-[25rem] flex-1 flex-col justify-center px-5 pb-[14vh]">
        <h1 className="font-semibold text-2xl tracking-tight">{title}</h1>
        <div className="mt-1.5 mb-7 text-base text-ink-2">{lead}</div>
        {children}
        {below ? <div className="mt-6 text-ink-2">{below}</div> : null}
      </main>
    </div>
  )
}

/** A heartbeat across the foot of the page, drawn so faintly that it is felt more than seen. */
function Pulse() {
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 1440 240"
      preserveAspectRatio="xMidYMax slice"
      className="pointer-events-none absolute inset-x-0 bottom-0 h-48 w-full text-line-strong"
      fill="none"
      stroke="currentColor"
    >
      {[200, 160, 120, 80, 40].map((y) => (
        <path key={y} d={`M0 ${y}.5H1440`} strokeOpacity="0.35" />
      ))}
      <path
        d="M0 168h250l18-9 17 14 20-5h180l14-8 22 34 26-116 30 122 20-48 16 16h270l20-12 24 18 18-6h130l16-10 24 40 26-128 30 130 22-44 16 12h231"
        strokeWidth="2"
        strokeLinejoin="round"
        className="text-accent"
        strokeOpacity="0.4"
      />
    </svg>
  )
}
