import { createFileRoute } from '@tanstack/react-router'
import { ChannelPage, NewChannelPage } from '@/features/alerts/channel-editor'
import { searchWords } from '@/shared/lib/search-words'

/** `new` instead of an id: one that is being written. */
export const Route = createFileRoute('/_app/alerts/channels/$id')({
  validateSearch: searchWords('kind'),
  component: Page,
})

function Page() {
  const { id } = Route.useParams()
  const { kind } = Route.useSearch()
  const navigate = Route.useNavigate()
  return id === 'new' ? (
    <NewChannelPage
      key={kind}
      kind={kind}
      onSaved={(made) =>
        void navigate({ to: '/alerts/channels/$id', params: { id: made }, search: {} })
      }
    />
  ) : (
    <ChannelPage id={id} onDeleted={() => void navigate({ to: '/alerts/channels' })} />
  )
}
