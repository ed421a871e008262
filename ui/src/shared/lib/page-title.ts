/** The tab says what is on it, and how things are. */
import { useEffect } from 'react'

export type PageMood = 'calm' | 'warn' | 'bad'

const ICONS: Record<PageMood, string> = {
  calm: '/favicon.svg',
  warn: '/favicon-warn.svg',
  bad: '/favicon-bad.svg',
}

/** `count`: how many things want attention; shown in front, as mail programs do. */
export function usePageTitle(title: string, mood: PageMood = 'calm', count = 0): void {
  useEffect(() => {
    document.title = `${count > 0 ? `(${count}) ` : ''}${title} · ChatOps`
    const link = document.querySelector<HTMLLinkElement>('#favicon')
    if (link && link.getAttribute('href') !== ICONS[mood]) link.setAttribute('href', ICONS[mood])
  }, [title, mood, count])
}
