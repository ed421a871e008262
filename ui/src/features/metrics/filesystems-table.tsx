import { bytes } from '@/shared/lib/format'
import { type Filesystem, fullness } from '@/shared/metrics/sample'
import { useNewestSample } from '@/shared/metrics/use-feed'
import { Meter } from '@/shared/ui/meter'

/** How full each file system is right now. */
export function FilesystemsTable() {
  const newest = useNewestSample()
  const list = newest?.sample.fs ?? []
  if (list.length === 0) return null
  return (
    <div className="card mb-3 relative overflow-x-auto">
      <table className="w-full text-left">
        <thead>
          <tr className="text-2xs text-ink-3">
            <th scope="col" className="h-9 px-3 font-medium">
              Mounted at
            </th>
            <th scope="col" className="px-3 font-medium max-md:hidden">
              Device
            </th>
            <th scope="col" className="px-3 font-medium max-sm:hidden">
              Type
            </th>
            <th scope="col" className="px-3 text-right font-medium">
              Used
            </th>
            <th scope="col" className="px-3 text-right font-medium max-sm:hidden">
              Free
            </th>
            <th scope="col" className="w-56 px-3 font-medium max-sm:w-32">
              Full
            </th>
            <th scope="col" className="w-44 px-3 font-medium max-lg:hidden">
              Inodes
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((entry) => (
            <tr key={`${entry.mount} ${entry.device}`} className="border-line border-t">
              <th
                scope="row"
                className="h-9 max-w-64 truncate px-3 font-medium"
                title={entry.mount}
              >
                {entry.mount}
              </th>
              <td className="max-w-48 truncate px-3 text-ink-2 max-md:hidden">
                {entry.device ?? ''}
              </td>
              <td className="px-3 text-ink-2 max-sm:hidden">{entry.kind ?? ''}</td>
              <td className="tnum whitespace-nowrap px-3 text-right">{bytes(entry.used)}</td>
              <td className="tnum whitespace-nowrap px-3 text-right max-sm:hidden">
                {bytes(entry.available)}
              </td>
              <td className="px-3">
                <Meter value={fullness(entry)} />
              </td>
              <td className="px-3 max-lg:hidden">
                <Meter value={inodesUsed(entry)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** File systems such as btrfs make inodes as they need them and report none. */
function inodesUsed({ inodes, inodes_used }: Filesystem): number | null {
  return inodes && typeof inodes_used === 'number' ? (100 * inodes_used) / inodes : null
}
