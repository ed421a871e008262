export {
  chosenValues,
  figureOf,
  matches,
  parseQuery,
  type Term,
  withValues,
} from '@/shared/fleet/query-text'
