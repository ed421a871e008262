/** Search params that are plain words. Small on purpose: the checks of all addresses are loaded with the first page. */
export const searchWords =
  <Name extends string>(...names: readonly Name[]) =>
  (search: Record<string, unknown>) =>
    Object.fromEntries(
      names.filter((name) => search[name]).map((name) => [name, String(search[name])]),
    ) as { [name in Name]?: string }
