/** What a new account needs. The API has the last word; this spares a round trip. */
import * as z from 'zod/mini'

export const MIN_PASSWORD = 10

export const newPassword = z
  .string()
  .check(
    z.minLength(MIN_PASSWORD, `Use at least ${MIN_PASSWORD} characters`),
    z.maxLength(256, 'Use at most 256 characters'),
  )

export const accountSchema = (withToken: boolean) =>
  z.object({
    setup_token: withToken
      ? z.string().check(z.trim(), z.minLength(1, 'Paste the set-up token from the terminal'))
      : z.string(),
    username: z
      .string()
      .check(
        z.trim(),
        z.minLength(2, 'Use at least 2 characters'),
        z.maxLength(64, 'Use at most 64 characters'),
        z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'Use letters, digits, dot, dash and underscore'),
      ),
    email: z.string().check(
      z.trim(),
      z.refine(
        (text) => text === '' || /^[^@\s]+@[^@\s]+$/.test(text),
        'This is not an e-mail address',
      ),
    ),
    password: newPassword,
  })

export type AccountForm = z.infer<ReturnType<typeof accountSchema>>
