import { ScrollText } from 'lucide-react'
import { CopyButton } from '@/shared/ui/copy'
import { Empty } from '@/shared/ui/empty'

const SETTINGS = `capabilities = ["metrics", "processes", "docker", "logs"]

[[logs]]
name = "nginx"
files = ["/var/log/nginx/*.log"]

[[logs]]
name = "journal"
journald = true

[[logs]]
name = "containers"
containers = ["*"]
`

/** No host sends lines: how one begins. */
export function OptIn() {
  return (
    <Empty
      className="max-w-2xl"
      icon={<ScrollText aria-hidden="true" />}
      title="No logs are sent yet"
    >
      <p>
        Which logs leave a host is decided on that host. Name them in{' '}
        <code>/etc/chatops/agent.toml</code>, look at what would be sent with{' '}
        <code>chatops-agent logs</code>, and restart the agent:
      </p>
      <div className="relative mt-4 rounded-lg border border-line bg-surface text-left">
        <pre className="whitespace-pre-wrap break-words p-3 pr-12 font-mono text-ink text-xs">
          {SETTINGS}
        </pre>
        <div className="absolute top-2 right-2">
          <CopyButton text={SETTINGS} label="Copy the settings" />
        </div>
      </div>
    </Empty>
  )
}
