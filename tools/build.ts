/** `npm run build`: writes `dist` of every package and opens each door of what was written, as an installed copy would. */
import { cpSync, globSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT, run } from './run-steps.ts';

/** What sources need beside them at run time and the compiler does not write. */
const BESIDE_SOURCES = ['json', 'binpb', 'yaml', 'html', 'css'];

// What is left of an older build would be shipped with the new one.
for (const folder of globSync('packages/*/dist', { cwd: ROOT })) rmSync(join(ROOT, folder), { recursive: true });
const compiled = run([{ name: 'compile', program: 'tsc', args: ['-b'] }]);
if (compiled === 0) {
  const copied = copyBesideSources();
  const problems = await closedDoors();
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? `built: ${copied} files copied, all doors open` : `${problems.length} doors do not open`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} else process.exitCode = compiled;

function copyBesideSources(): number {
  const files = globSync(`packages/*/src/**/*.{${BESIDE_SOURCES.join(',')}}`, { cwd: ROOT }).filter(
    (file) => !file.includes('/testing/'),
  );
  for (const file of files) cpSync(join(ROOT, file), join(ROOT, file.replace('/src/', '/dist/')), { recursive: true });
  return files.length;
}

/** Imports each `dist/index.js` and `dist/<room>/index.js` whose source is a door. */
async function closedDoors(): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const door of globSync('packages/*/src/{index.ts,*/index.ts}', { cwd: ROOT })) {
    const folder = dirname(door);
    if (folder.endsWith('/testing') || isPrivate(door)) continue;
    const file = join(ROOT, folder.replace('/src', '/dist'), 'index.js');
    const error = await import(file).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error !== undefined) problems.push(`${door}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return problems;
}

function isPrivate(door: string): boolean {
  const [, name = ''] = door.split('/');
  const manifest: { readonly private?: boolean } = JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'));
  return manifest.private === true;
}
