/**
 * A short tone when an alert begins: off until somebody wants it, kept in this browser. It is made here, nothing is loaded.
 * A browser that wants a click on the page first stays quiet until then.
 */
import { create } from 'zustand'
import { readText, writeText } from '../lib/storage'

const KEY = 'alert-sound'

export const useAlertSound = create<{ on: boolean }>(() => ({ on: readText(KEY) === '1' }))

export function setAlertSound(on: boolean): void {
  useAlertSound.setState({ on })
  writeText(KEY, on ? '1' : '0')
}

export function playTone(): void {
  try {
    const context = new AudioContext()
    const gain = context.createGain()
    gain.connect(context.destination)
    gain.gain.setValueAtTime(0.12, context.currentTime)
    gain.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.5)
    const voice = context.createOscillator()
    voice.frequency.setValueAtTime(660, context.currentTime)
    voice.frequency.setValueAtTime(880, context.currentTime + 0.16)
    voice.connect(gain)
    voice.onended = () => void context.close()
    voice.start()
    voice.stop(context.currentTime + 0.5)
  } catch {
    // No sound on this machine.
  }
}
