/** Names for the shapes of the API, so that features do not spell out generated paths. */
export type {
  AgentInfo,
  ApiKey,
  AuthStatus,
  ConnectionEvent,
  History,
  Install,
  IssuedKey,
  LatestSample,
  RowMetrics,
  SeriesInfo,
  Server,
  User,
} from './schema'
