import { createFileRoute } from '@tanstack/react-router'
import { NewRulePage, RulePage } from '@/features/alerts/rule-editor'

/** `new` instead of an id: one that is being written. */
export const Route = createFileRoute('/_app/alerts/rules/$id')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  const navigate = Route.useNavigate()
  const leave = () => void navigate({ to: '/alerts/rules' })
  return id === 'new' ? <NewRulePage onSaved={leave} /> : <RulePage id={id} onSaved={leave} />
}
