/** Path and query of a request target, both as they were sent. */
export interface RequestTarget {
  readonly path: string;
  readonly query: string;
}

/** Splits a request target in origin or absolute form; sources: RFC 9112 §3.2, RFC 9113 §8.3.1. */
export function splitTarget(target: string): RequestTarget {
  const origin = originForm(target);
  const at = origin.indexOf('?');
  return at < 0 ? { path: origin, query: '' } : { path: origin.slice(0, at), query: origin.slice(at + 1) };
}

/** `http://host/path?query` → `/path?query`; anything else, such as `*`, stays. */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const match = /^https?:\/\/[^/?]*(.*)$/i.exec(target);
  if (match === null) return target;
  const rest = match[1] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The value of a `content-length`; -1 without one or where it is no number. */
export function announcedLength(value: string | undefined): number {
  return value !== undefined && /^[0-9]{1,15}$/.test(value) ? Number(value) : -1;
}
