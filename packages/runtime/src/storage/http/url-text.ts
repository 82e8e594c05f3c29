/** The URL as errors may show it: without credentials and without the query, which may be signed. */
export function withoutSecrets(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
