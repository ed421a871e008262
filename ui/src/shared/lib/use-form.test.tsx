import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'
import * as z from 'zod/mini'
import { Problem } from '../api/problem'
import { useForm } from './use-form'

const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(2, 'too short')),
  note: z.string(),
})

function Example({ onValid }: { onValid: (values: { name: string; note: string }) => void }) {
  const form = useForm(schema, { name: '', note: '' }, onValid)
  return (
    <form onSubmit={form.submit}>
      <label>
        Name <input {...form.field('name')} />
      </label>
      <p data-testid="error">{form.errors.name}</p>
      <label>
        Note <input {...form.field('note')} />
      </label>
      <button type="submit">Send</button>
      <button
        type="button"
        onClick={() =>
          form.refuse(
            new Problem({
              status: 422,
              code: 'x',
              title: 'x',
              fields: [{ field: 'name', message: 'taken' }],
            }),
          )
        }
      >
        Refuse
      </button>
      <output>{form.dirty ? 'dirty' : 'clean'}</output>
    </form>
  )
}

it('shows mistakes on submit, focuses the first, and forgives as soon as it is mended', async () => {
  const user = userEvent.setup()
  const onValid = vi.fn()
  render(<Example onValid={onValid} />)
  const error = screen.getByTestId('error')

  await user.click(screen.getByLabelText('Name'))
  await user.tab()
  expect(error).toBeEmptyDOMElement()

  await user.click(screen.getByRole('button', { name: 'Send' }))
  expect(error).toHaveTextContent('too short')
  expect(screen.getByLabelText('Name')).toHaveFocus()
  expect(onValid).not.toHaveBeenCalled()

  await user.type(screen.getByLabelText('Name'), ' ab ')
  expect(error).toBeEmptyDOMElement()
  await user.keyboard('{Enter}')
  expect(onValid).toHaveBeenCalledWith({ name: 'ab', note: '' })
  expect(screen.getByText('dirty')).toBeInTheDocument()
})

it('judges a field when it is left, and shows what the API refuses there', async () => {
  const user = userEvent.setup()
  render(<Example onValid={() => undefined} />)
  await user.type(screen.getByLabelText('Name'), 'a')
  await user.tab()
  expect(screen.getByTestId('error')).toHaveTextContent('too short')
  await user.click(screen.getByRole('button', { name: 'Refuse' }))
  expect(screen.getByTestId('error')).toHaveTextContent('taken')
})
