/** Variables of this process that a child gets: enough to find programs and folders, nothing that configures a node. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'NODE_COMPILE_CACHE'] as const;

/** The environment of a child: a few variables of ours, and `own`. Settings of whoever runs the suites do not reach it. */
export function programEnvironment(own: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...own };
}
