import type { RouteTable } from '../routes/index.ts';

/**
 * The names by which models can be called, sorted: endpoints, families, and the keys of models without a family. Versions of a family are one
 * name.
 */
export function modelNames(routes: RouteTable): string[] {
  const names = new Set<string>();
  for (const { id } of routes.endpoints()) names.add(id);
  for (const { key, family, version } of routes.models()) names.add(family === null || version === null ? key : family);
  return [...names].toSorted();
}

/** The versions of a family that a URL can name, oldest number first: what registered models say, loaded or not. */
export function versionsOf(routes: RouteTable, family: string): string[] {
  const versions: string[] = [];
  for (const model of routes.models()) if (model.family === family && model.version !== null) versions.push(model.version);
  return versions.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}
