export {
  chosenValues,
  figureOf,
  matches,
  parseQuery,
  type Term,
  wantsAlerting,
  withAlerting,
  withValues,
} from '@/shared/fleet/query-text'
