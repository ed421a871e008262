export type User = {
  id: string
  username: string
  email?: string | null
  full_name?: string | null
  role: 'owner' | 'admin' | 'operator' | 'viewer'
  created_at: string
}
export type AuthStatus = { setup_required: boolean; registration: 'open' | 'closed'; version: string }
export type Session = { user: User; expires_in: number; token_type: string }
export type AgentInfo = {
  version: string
  hostname: string | null
  os: string | null
  kernel: string | null
  arch: string | null
  cpu_model: string | null
  cores: number | null
  memory_total: number | null
  capabilities: string[]
  transport: string | null
}
export type RowMetrics = {
  ts: string
  seq: number
  cpu: number | null
  load1: number | null
  mem: number | null
  mem_total: number | null
  swap: number | null
  disk: number | null
  rx: number | null
  tx: number | null
  temp_max: number | null
  uptime_s: number | null
  processes: number | null
}
export type Server = {
  id: string
  name: string
  tags: string[]
  owner: { id: string; username: string }
  status: 'online' | 'stale' | 'offline' | 'never'
  last_seen?: string | null
  connected_since?: string | null
  created_at: string
  interval_ms: number
  agent?: AgentInfo | null
  latest?: RowMetrics | null
}
export type ConnectionEvent = {
  id: string
  at: string
  kind: string
  transport?: string | null
  address?: string | null
  detail?: string | null
  duration_s?: number | null
}
export type ApiKey = {
  id: string
  server_id: string
  name?: string | null
  state: string
  created_at: string
  expires_at?: string | null
  last_used?: string | null
}
export type IssuedKey = ApiKey & { key: string }
export type LatestSample = { seq: number; ts: string; received_at: string; sample: unknown }
export type HistorySeries = {
  name: string
  unit: string
  min: (number | null)[]
  avg: (number | null)[]
  max: (number | null)[]
}
export type History = {
  from: string
  to: string
  resolution: 'raw' | '1m' | '1h'
  step_ms: number
  retention_from?: string | null
  t: number[]
  series: HistorySeries[]
}
export type SeriesInfo = { name: string; unit: string; label: string }
export type Install = {
  commands: { label: string; command: string }[]
  nats_url: string
  http_url: string
}

type Json<T> = { headers: { [name: string]: unknown }; content: { 'application/json': T } }
type Empty = { headers: { [name: string]: unknown }; content?: never }
type Params<P = never, Q = never> = {
  query?: Q
  header?: never
  path: P
  cookie?: never
}
type NoParams<Q = never> = { query?: Q; header?: never; path?: never; cookie?: never }
type Body<T> = { content: { 'application/json': T } }

export interface paths {
  '/api/v1/auth/status': { get: { parameters: NoParams; responses: { 200: Json<AuthStatus> } } }
  '/api/v1/auth/register': {
    post: {
      parameters: NoParams
      requestBody: Body<{
        username: string
        email?: string | null
        password: string
        password_confirm?: string | null
        full_name?: string | null
        setup_token?: string | null
        session?: 'token' | 'cookie'
      }>
      responses: { 201: Json<Session> }
    }
  }
  '/api/v1/auth/login': {
    post: {
      parameters: NoParams
      requestBody: Body<{ username: string; password: string; session?: 'token' | 'cookie' }>
      responses: { 200: Json<Session> }
    }
  }
  '/api/v1/auth/refresh': {
    post: {
      parameters: NoParams
      requestBody?: Body<{ session?: 'token' | 'cookie' }>
      responses: { 200: Json<Session> }
    }
  }
  '/api/v1/auth/logout': { post: { parameters: NoParams; responses: { 204: Empty } } }
  '/api/v1/auth/me': {
    get: { parameters: NoParams; responses: { 200: Json<User> } }
    patch: {
      parameters: NoParams
      requestBody: Body<{ full_name?: string | null; email?: string | null }>
      responses: { 200: Json<User> }
    }
  }
  '/api/v1/auth/change-password': {
    post: {
      parameters: NoParams
      requestBody: Body<{
        current_password: string
        new_password: string
        new_password_confirm?: string | null
      }>
      responses: { 204: Empty }
    }
  }
  '/api/v1/servers': {
    get: {
      parameters: NoParams<{
        q?: string
        tag?: string
        status?: string
        limit?: number
        after?: string
        format?: 'columns'
      }>
      responses: { 200: Json<{ servers: Server[]; next?: string | null; total: number }> }
    }
    post: {
      parameters: NoParams
      requestBody: Body<{ name: string; tags?: string[]; interval_ms?: number }>
      responses: { 201: Json<Server> }
    }
  }
  '/api/v1/servers/{id}': {
    get: { parameters: Params<{ id: string }>; responses: { 200: Json<Server> } }
    patch: {
      parameters: Params<{ id: string }>
      requestBody: Body<{ name?: string; tags?: string[]; interval_ms?: number }>
      responses: { 200: Json<Server> }
    }
    delete: { parameters: Params<{ id: string }>; responses: { 204: Empty } }
  }
  '/api/v1/servers/{id}/events': {
    get: {
      parameters: Params<{ id: string }, { limit?: number; after?: string }>
      responses: { 200: Json<{ events: ConnectionEvent[]; next?: string | null }> }
    }
  }
  '/api/v1/servers/{id}/install': {
    get: { parameters: Params<{ id: string }>; responses: { 200: Json<Install> } }
  }
  '/api/v1/api-keys': {
    get: {
      parameters: NoParams<{ server_id?: string }>
      responses: { 200: Json<{ keys: ApiKey[] }> }
    }
    post: {
      parameters: NoParams
      requestBody: Body<{ server_id: string; name?: string | null; expires_at?: string | null }>
      responses: { 201: Json<IssuedKey> }
    }
  }
  '/api/v1/api-keys/{id}/revoke': {
    post: { parameters: Params<{ id: string }>; responses: { 200: Json<ApiKey> } }
  }
  '/api/v1/metrics/{server_id}/latest': {
    get: { parameters: Params<{ server_id: string }>; responses: { 200: Json<LatestSample> } }
  }
  '/api/v1/metrics/{server_id}/history': {
    get: {
      parameters: Params<
        { server_id: string },
        { from?: string; to?: string; series?: string; max_points?: number }
      >
      responses: { 200: Json<History> }
    }
  }
  '/api/v1/metrics/{server_id}/series': {
    get: {
      parameters: Params<{ server_id: string }>
      responses: { 200: Json<{ series: SeriesInfo[] }> }
    }
  }
}
