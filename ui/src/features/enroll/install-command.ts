/** Places of the key in the commands that the API gives. */
const PLACE = /<(?:api[-_ ]?)?key>|\{\{?\s*(?:api_)?key\s*\}?\}|chatops_<[^>]+>/gi

/** The command with the key in its place. A function as replacement keeps `$` in keys harmless. */
export function fillKey(command: string, key: string): string {
  return command.replace(PLACE, () => key)
}

export const hasPlace = (command: string): boolean => new RegExp(PLACE.source, 'i').test(command)
