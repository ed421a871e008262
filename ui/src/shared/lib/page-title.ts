/** The tab says what is on it, and how things are. */
import { useEffect } from 'react'

export type PageMood = 'calm' | 'warn' | 'bad'

const ICONS: Record<PageMood, string> = {
  calm: '/favicon.svg',
  warn: '/favicon-warn.svg',
  bad: '/favicon-bad.svg',
}

type State = readonly [PageMood, number]

let title = ''
let page: State = ['calm', 0]
let alerts = page

/** Alerts that nobody takes care of go before what the page itself would count. */
function write(): void {
  const [mood, count] = alerts[1] > 0 ? alerts : page
  document.title = `${count > 0 ? `(${count}) ` : ''}${title} · ChatOps`
  const link = document.querySelector<HTMLLinkElement>('#favicon')
  if (link && link.getAttribute('href') !== ICONS[mood]) link.setAttribute('href', ICONS[mood])
}

/** `count`: how many things want attention; shown in front, as mail programs do. */
export function usePageTitle(name: string, mood: PageMood = 'calm', count = 0): void {
  useEffect(() => {
    title = name
    page = [mood, count]
    write()
  }, [name, mood, count])
}

/** The same for what wants attention wherever one is: alerts. Forgotten when it unmounts. */
export function useTitleAlerts(mood: PageMood, count: number): void {
  useEffect(() => {
    alerts = [mood, count]
    write()
    return () => {
      alerts = ['calm', 0]
      write()
    }
  }, [mood, count])
}
