/** The order of a table, and how it stands in the address: `-cpu`. */
export interface Sorting<C extends string> {
  column: C
  descending: boolean
}

export function parseSorting<C extends string>(
  text: string | undefined,
  columns: readonly C[],
  usual: Sorting<C>,
): Sorting<C> {
  const descending = text?.startsWith('-') ?? false
  const column = columns.find((name) => name === (descending ? text?.slice(1) : text))
  return column === undefined ? usual : { column, descending }
}

export const sortingText = <C extends string>(
  sorting: Sorting<C>,
  usual: Sorting<C>,
): string | undefined =>
  sorting.column === usual.column && sorting.descending === usual.descending
    ? undefined
    : `${sorting.descending ? '-' : ''}${sorting.column}`
