/** What went wrong, in the API's words (RFC 9457 problem documents) or ours when it never answered. */
export interface FieldProblem {
  field: string
  message: string
}

export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly requestId: string | null
  readonly fields: FieldProblem[]
  readonly retryAfter: number | null

  constructor(init: {
    status: number
    code: string
    title: string
    detail?: string
    requestId?: string | null
    fields?: FieldProblem[]
    retryAfter?: number | null
  }) {
    super(init.detail || init.title)
    this.name = 'Problem'
    this.status = init.status
    this.code = init.code
    this.title = init.title
    this.requestId = init.requestId ?? null
    this.fields = init.fields ?? []
    this.retryAfter = init.retryAfter ?? null
  }

  /** The message for one form field, if the API named it. */
  field(name: string): string | undefined {
    return this.fields.find((entry) => entry.field === name)?.message
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

function fieldsOf(value: unknown): FieldProblem[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((entry: unknown) => {
    if (!isRecord(entry)) return []
    const field = text(entry.field)
    const message = text(entry.message)
    if (field === undefined || !message) return []
    // The API writes fragments ("is too short"); under a field they read as sentences.
    return [{ field, message: `${message.charAt(0).toUpperCase()}${message.slice(1)}` }]
  })
}

const STATUS_TITLES: Record<number, string> = {
  401: 'You are not signed in',
  403: 'You may not do this',
  404: 'Not found',
  409: 'Somebody else changed this at the same time',
  413: 'That is too large',
  429: 'Too many attempts',
  502: 'The server cannot be reached',
  503: 'The server is not ready',
}

/** Builds a Problem from a failed response, whatever its body is. */
export function problemFrom(response: Response, body: unknown): Problem {
  const document = isRecord(body) ? body : {}
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return new Problem({
    status: response.status,
    code: text(document.code) ?? `http_${response.status}`,
    title:
      text(document.title) ??
      STATUS_TITLES[response.status] ??
      `The server answered ${response.status}`,
    detail: text(document.detail),
    requestId: text(document.request_id) ?? response.headers.get('x-request-id'),
    fields: fieldsOf(document.errors),
    retryAfter: Number.isFinite(seconds) ? seconds : null,
  })
}

export function unreachable(): Problem {
  return new Problem({
    status: 0,
    code: 'unreachable',
    title: 'No answer from the server',
    detail: 'The request did not get through. Check the connection and try again.',
  })
}

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  return new Problem({
    status: 0,
    code: 'unexpected',
    title: 'Something went wrong in this page',
    detail: error instanceof Error ? error.message : String(error),
  })
}
