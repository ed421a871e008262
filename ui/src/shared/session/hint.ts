/**
 * Whether somebody signed in with this browser before. No secret and no proof, only a reason to ask
 * the server: without it a first visit goes to the sign-in at once instead of collecting refusals.
 */
import { readText, writeText } from '../lib/storage'

const KEY = 'signed-in'

export const mayBeSignedIn = (): boolean => readText(KEY) === '1'
export const rememberSignedIn = (signedIn: boolean): void => writeText(KEY, signedIn ? '1' : '0')
