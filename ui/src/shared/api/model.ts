/** Names for the shapes of the API, so that features do not spell out generated paths. */
import type { components } from './schema'

type Schemas = components['schemas']

export type ApiKey = Schemas['ApiKey']
export type ApiToken = Schemas['ApiToken']
export type Authenticator = Schemas['Authenticator']
export type ConnectionEvent = Schemas['ConnectionEvent']
export type History = Schemas['History']
export type IssuedKey = Schemas['IssuedKey']
export type IssuedToken = Schemas['IssuedToken']
export type OpenSession = Schemas['OpenSession']
export type RowMetrics = Schemas['RowMetrics']
export type SecondFactor = Schemas['SecondFactor']
export type Security = Schemas['Security']
export type Server = Schemas['Server']
export type User = Schemas['User']
