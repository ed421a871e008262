import type { User } from '@/shared/api/model'

export type Role = User['role']

/** What a role may do, in a sentence; strongest first. */
export const ROLES: readonly { value: Role; label: string; means: string }[] = [
  { value: 'owner', label: 'Owner', means: 'Everything, also for other owners' },
  { value: 'admin', label: 'Admin', means: 'All servers, people, teams and the audit log' },
  { value: 'operator', label: 'Operator', means: 'Adds servers; sees its own and what is shared' },
  { value: 'viewer', label: 'Viewer', means: 'Looks at what is shared, changes nothing' },
]

export const roleLabel = (role: Role): string =>
  ROLES.find((entry) => entry.value === role)?.label ?? role
