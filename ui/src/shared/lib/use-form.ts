/**
 * A form with text fields, checked by a zod schema: a field is judged when it is left, all of them
 * on submit, and the focus goes to the first that is wrong. Refusals of the API that name a field
 * are shown there. Small on purpose: the pages of the sign-in carry it.
 */
import { type ChangeEvent, type FormEvent, useRef, useState } from 'react'
import type * as z from 'zod/mini'
import { Problem } from '../api/problem'

type Values = Record<string, string>
type Errors<T> = Partial<Record<keyof T & string, string>>

export interface Form<T extends Values> {
  values: T
  errors: Errors<T>
  dirty: boolean
  /** Spread onto the input of a field. */
  field(name: keyof T & string): {
    name: string
    value: string
    onChange: (event: ChangeEvent<HTMLInputElement>) => void
    onBlur: () => void
  }
  submit(event: FormEvent<HTMLFormElement>): void
  /** Takes over what the API says about fields; true when it named at least one of them. */
  refuse(error: unknown): boolean
  setError(name: keyof T & string, message: string): void
  reset(values?: T): void
}

export function useForm<T extends Values>(
  schema: z.ZodMiniType<T>,
  initial: T,
  onValid: (values: T) => void,
): Form<T> {
  const [base, setBase] = useState(initial)
  const [values, setValues] = useState(initial)
  const [errors, setErrors] = useState<Errors<T>>({})
  const form = useRef<HTMLFormElement | null>(null)
  const names = Object.keys(initial) as (keyof T & string)[]

  const judge = (candidate: T): { data: T | null; found: Errors<T> } => {
    const result = schema.safeParse(candidate)
    if (result.success) return { data: result.data, found: {} }
    const found: Errors<T> = {}
    for (const issue of result.error.issues) {
      const name = String(issue.path[0]) as keyof T & string
      found[name] ??= issue.message
    }
    return { data: null, found }
  }

  const focus = (name: string | undefined) => {
    const input = name === undefined ? null : form.current?.elements.namedItem(name)
    if (input instanceof HTMLElement) input.focus()
  }

  const setError = (name: keyof T & string, message: string) => {
    setErrors((before) => ({ ...before, [name]: message }))
    focus(name)
  }

  return {
    values,
    errors,
    dirty: names.some((name) => values[name] !== base[name]),
    field: (name) => ({
      name,
      value: values[name] ?? '',
      onChange: (event) => {
        const next = { ...values, [name]: event.target.value }
        setValues(next)
        // A mistake that is shown disappears as soon as it is mended.
        if (errors[name]) setErrors({ ...errors, [name]: judge(next).found[name] })
      },
      onBlur: () => {
        // Leaving an empty field is no mistake yet; submitting it is.
        if (values[name]) setErrors({ ...errors, [name]: judge(values).found[name] })
      },
    }),
    submit: (event) => {
      event.preventDefault()
      form.current = event.currentTarget
      const { data, found } = judge(values)
      setErrors(found)
      if (data) onValid(data)
      else focus(names.find((name) => found[name]))
    },
    refuse: (error) => {
      if (!(error instanceof Problem)) return false
      const named = names.filter((name) => error.field(name))
      for (const name of [...named].reverse()) setError(name, error.field(name) ?? '')
      return named.length > 0
    },
    setError,
    reset: (next = base) => {
      setBase(next)
      setValues(next)
      setErrors({})
    },
  }
}
